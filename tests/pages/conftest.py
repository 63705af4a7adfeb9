"""What all tests of pages have in common."""

from __future__ import annotations

import math

import pytest

from pages.common.run import confirm


@pytest.fixture(autouse=True)
def _unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """All work starts by itself, on the slowest machine too, but where a test is about the price."""
    monkeypatch.setattr(confirm, "PATIENCE", math.inf)
