"""Work and options in words, as pages say them."""

from __future__ import annotations

from typing import Any


def passes_in_words(forward: int, backward: int) -> str:
    """How many passes of which kind."""
    return f"{forward:,} forward and {backward:,} backward passes"


def plain(options: dict[str, Any]) -> dict[str, Any]:
    """Options as text and code have them: choices by their names."""
    return {name: getattr(value, "value", value) for name, value in options.items()}


def options_in_words(options: dict[str, Any]) -> str:
    """The options that differ from their defaults, but for the layer, which is always named."""
    return ", ".join(f"{name}={value}" for name, value in plain(options).items() if name != "layer")
