"""Small pictures for the gallery."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from PIL import Image, ImageOps

from explainers.render.overlay import encode_png

T = TypeVar("T")
SIDE = 128  # px


def thumbnail(image: Image.Image) -> bytes:
    """A square PNG of the picture's middle."""
    return encode_png(ImageOps.fit(image, (SIDE, SIDE)))


def batched(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The items in rows of `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))
