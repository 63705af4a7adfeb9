"""Colour maps that the colour-blind can read, as look-up tables; most are taken from matplotlib, without its pyplot.

No jet and no rainbow: their bright bands show edges where the numbers have none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

import matplotlib
import numpy as np
import numpy.typing as npt

from explainers.core.errors import VitrineError

Kind = Literal["sequential", "diverging"]
Lut = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Colormap:
    """A colour map.

    Attributes:
        kind: "sequential" from dark to light, or "diverging": two hues that meet in a pale middle, which is zero.
        lut: 256 colours, (256, 3) uint8, read-only.
    """

    name: str
    kind: Kind
    lut: Lut


MIDDLE: Final = (247, 247, 247)
"""Zero of the diverging maps, near white."""

# Ends that are bright enough for dark pictures and dark enough for bright ones, and apart for every kind of cone. Laid over black,
# grey and white, at full and at half strength, the two signs differ by at least 30 (CIEDE2000) for protanopia and deuteranopia;
# blue and red come as near as 14, and are hardly seen on black.
_BLUE, _ORANGE, _BEND = (30, 80, 240), (255, 140, 0), 0.5

# name here -> (kind, name in matplotlib); the first hue of a diverging map is that of negative values
_SOURCES: Final[dict[str, tuple[Kind, str]]] = {
    "viridis": ("sequential", "viridis"),
    "inferno": ("sequential", "inferno"),
    "magma": ("sequential", "magma"),
    "cividis": ("sequential", "cividis"),
    "blue-red": ("diverging", "RdBu_r"),
    "purple-green": ("diverging", "PRGn"),
    "purple-orange": ("diverging", "PuOr_r"),
}


def _colormap(name: str, kind: Kind, source: str) -> Colormap:
    lut: Lut = matplotlib.colormaps[source].resampled(256)(np.arange(256), bytes=True)[:, :3].copy()
    lut.setflags(write=False)
    return Colormap(name, kind, lut)


def _two_hues(name: str, negative: tuple[int, int, int], positive: tuple[int, int, int], bend: float) -> Colormap:
    """From one hue by way of `MIDDLE` to the other; a bend below 1 leaves the pale middle sooner."""
    place = np.linspace(-1, 1, 256)[:, None]
    ends = np.where(place < 0, negative, positive)
    lut: Lut = np.rint(MIDDLE + (ends - MIDDLE) * np.abs(place) ** bend).astype(np.uint8)
    lut.setflags(write=False)
    return Colormap(name, "diverging", lut)


COLORMAPS: Final[Mapping[str, Colormap]] = MappingProxyType(
    {"blue-orange": _two_hues("blue-orange", _BLUE, _ORANGE, _BEND)}
    | {name: _colormap(name, kind, source) for name, (kind, source) in _SOURCES.items()}
)
"""All colour maps by name, the default of its kind first."""

DEFAULTS: Final[Mapping[Kind, str]] = MappingProxyType({"sequential": "viridis", "diverging": "blue-orange"})
"""The colour map that is taken where none is chosen."""


def find_colormap(colormap: str | Colormap) -> Colormap:
    """A colour map by its name.

    Raises:
        VitrineError: there is none of that name.
    """
    if isinstance(colormap, Colormap):
        return colormap
    if colormap not in COLORMAPS:
        raise VitrineError(f"There is no colour map {colormap!r}; choose one of {', '.join(COLORMAPS)}.")
    return COLORMAPS[colormap]
