"""Paths as people type them."""

from __future__ import annotations

from os.path import expanduser
from pathlib import Path


def expanded(path: str | Path) -> Path:
    """The path with a leading "~" made the home folder; that of an unknown user stays, where `Path.expanduser` raises."""
    return Path(expanduser(path))
