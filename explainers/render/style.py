"""How a map is drawn over its picture; nothing of it changes the numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from explainers.core.errors import VitrineError
from explainers.render.colormaps import DEFAULTS, Colormap, Kind, find_colormap

Shown = Literal["overlay", "contours", "veil"]

SHOWN: Final[tuple[Shown, ...]] = ("overlay", "contours", "veil")
"""Ways to draw a map, the default first: colours that cover more the stronger the value, lines at shares of the scale, or colours
that cover all of the picture alike."""

OPACITY: Final = 0.8
"""Of the strongest value, unless said otherwise."""


@dataclass(frozen=True)
class Style:
    """How a map is drawn over its picture.

    Attributes:
        colormap: None takes the default of the scale's kind.
        opacity: of the strongest value in an overlay, of all values in a veil, of the lines among contours; 0 to 1.
        shown: one of `SHOWN`.
        grey: the picture loses its colours, so that all colour is the map's.
    """

    colormap: str | Colormap | None = None
    opacity: float = OPACITY
    shown: Shown = "overlay"
    grey: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.opacity <= 1:
            raise VitrineError(f"Opacity goes from 0 to 1, not {self.opacity}.")
        if self.shown not in SHOWN:
            raise VitrineError(f"A map is shown as one of {', '.join(SHOWN)}, not as {self.shown!r}.")

    def colours(self, kind: Kind) -> Colormap:
        """The colour map for a scale of that kind."""
        return find_colormap(self.colormap or DEFAULTS[kind])
