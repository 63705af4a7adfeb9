"""References of the bundled models, shipped beside their weights; `make_references.py` makes them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from explainers.core.model import Model
from explainers.demo.networks import WEIGHTS
from explainers.trust.ground.reference import Reference

MODELS: Final = ("signs-cnn", "signs-vit", "signs-shortcut")


def reference_path(name: str) -> Path:
    """Where the reference of a bundled model lies."""
    return WEIGHTS / f"{name}.reference.safetensors"


def bundled_reference(model: Model) -> Reference | None:
    """The reference that was shipped for a model's weights, if one was."""
    prefix, _, name = model.name.partition(":")
    if prefix != "demo" or name not in MODELS or not reference_path(name).is_file():
        return None
    reference = _load(name)
    return reference if reference.fingerprint == model.fingerprint else None  # other weights may be loaded into it


@cache
def _load(name: str) -> Reference:
    return Reference.load(reference_path(name))
