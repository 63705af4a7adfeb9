"""The pictures of a grid of maps: many overlays, most of them on the same picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from PIL import Image

from explainers.core.attribution import Attribution
from explainers.render.encoding import encode_small
from explainers.render.overlay import overlay
from explainers.render.scale import Scale, Values, own_maps
from explainers.render.style import Style


def backdrop(view: Image.Image, width: int) -> Image.Image:
    """A picture in the size of a cell, `width` px wide, RGB."""
    return view.convert("RGB").resize((width, round(width * view.height / view.width)), Image.Resampling.BILINEAR)


@dataclass(frozen=True, eq=False)
class Drawing:
    """One map that is to be laid over a picture.

    Attributes:
        picture: RGB, in the size of the cell.
        values: (h, w), at the map's own resolution.
    """

    picture: Image.Image
    values: Values
    scale: Scale
    style: Style = field(default_factory=Style)

    @classmethod
    def of(cls, picture: Image.Image, attribution: Attribution, scale: Scale, style: Style | None = None) -> Drawing:
        """The first map of an attribution."""
        return cls(picture, own_maps(attribution)[0], scale, style or Style())

    def drawn(self) -> Image.Image:
        """The map over its picture."""
        return overlay(self.picture, self.values, self.scale, self.style)


def encode_cells(drawings: Sequence[Drawing]) -> list[bytes]:
    """The overlays as JPEG files."""
    return [encode_small(drawing.drawn()) for drawing in drawings]
