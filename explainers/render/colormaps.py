"""Colour maps that the colour-blind can read, as look-up tables; taken from matplotlib, without its pyplot.

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


COLORMAPS: Final[Mapping[str, Colormap]] = MappingProxyType(
    {name: _colormap(name, kind, source) for name, (kind, source) in _SOURCES.items()}
)
"""All colour maps by name, the default of its kind first."""


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
