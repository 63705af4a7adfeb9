"""The pictures of a grid of maps: many overlays, most of them on the same picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image

from explainers.core.threads import side_by_side
from explainers.render.overlay import Scale, Values, overlay, resize_map
from explainers.render.png import encode_photo

COLOURS = {"diverging": "blue-red", "sequential": "viridis"}
OPACITY = 0.6


def backdrop(view: Image.Image, width: int) -> Image.Image:
    """A picture in the size of a cell, `width` px wide, RGB."""
    return view.convert("RGB").resize((width, round(width * view.height / view.width)), Image.Resampling.BILINEAR)


@dataclass(frozen=True, eq=False)
class Drawing:
    """One map that is to be laid over a picture.

    Attributes:
        picture: RGB, in the size of the cell.
        values: (h, w).
    """

    picture: Image.Image
    values: Values
    scale: Scale

    def drawn(self) -> Image.Image:
        """The overlay, in the colours that suit the scale."""
        return overlay(self.picture, self.values, self.scale, COLOURS[self.scale.kind], OPACITY)


def encode_cells(drawings: Sequence[Drawing]) -> list[bytes]:
    """PNGs of the overlays."""
    # PyTorch resizes, with threads of its own; what comes after shares the cores by cells.
    ready = [replace(one, values=resize_map(one.values, (one.picture.height, one.picture.width))) for one in drawings]
    return side_by_side(lambda one: encode_photo(one.drawn()), ready)
