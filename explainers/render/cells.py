"""The pictures of a grid of maps: many overlays, most of them on the same picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from explainers.core.attribution import Attribution
from explainers.render.encoding import encode_small
from explainers.render.overlay import overlay
from explainers.render.scale import Scale, Values

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

    @classmethod
    def of(cls, picture: Image.Image, attribution: Attribution, scale: Scale) -> Drawing:
        """The first map of an attribution, enlarged once from its own resolution to that of the cell."""
        return cls(picture, attribution.heatmap((picture.height, picture.width))[0], scale)

    def drawn(self) -> Image.Image:
        """The overlay, in the colours that suit the scale."""
        return overlay(self.picture, self.values, self.scale, COLOURS[self.scale.kind], OPACITY)


def encode_cells(drawings: Sequence[Drawing]) -> list[bytes]:
    """The overlays as JPEG files."""
    return [encode_small(drawing.drawn()) for drawing in drawings]
