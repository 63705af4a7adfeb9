"""Lines at shares of a scale, and round regions: light with dark edges, so that they are seen on any ground, in print, and by
everybody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter
from skimage.measure import find_contours

from explainers.render.scale import Floats, Scale, Values, floats

SHARES: Final = (0.25, 0.5, 0.75)
"""Of the scale's largest value: where the lines run."""

WIDTHS: Final = (1.0, 2.0, 3.2)
"""Of the lines at `SHARES`, in px of a picture of `USUAL`: what is stronger has the thicker line."""

USUAL: Final = 560
EDGE: Final = 1.2  # px of the dark edge on either side, in a picture of that size
DASH: Final = (9.0, 6.0)  # px drawn, px left out
FINE: Final = 48
"""Cells along the longer side: finer maps are averaged before lines are drawn."""

BLUR: Final = 0.02
"""Of the longer side: the standard deviation of the Gaussian that averages."""

SMOOTH: Final = 3  # lines are drawn so many times larger and then reduced
LIGHT, DARK = (255, 255, 255), (0, 0, 0)

Path = npt.NDArray[np.floating]
"""Points (n, 2) of a line: row and column in pixels, whole numbers at the middle of a pixel."""


@dataclass(frozen=True)
class Line:
    """A kind of line.

    Attributes:
        level: the value it runs along.
        width: in px of a picture of `USUAL`.
        dashed: for what speaks against.
    """

    level: float
    width: float
    dashed: bool = False


def levels(scale: Scale) -> list[Line]:
    """The lines of a scale, from its least to its largest value; of a diverging one, negative ones are dashed."""
    reach = max(abs(scale.low), abs(scale.high))
    lines = [Line(share * reach, width) for share, width in zip(SHARES, WIDTHS, strict=True)]
    negative = [Line(-line.level, line.width, dashed=True) for line in reversed(lines)]
    return [line for line in (*negative, *lines) if scale.low <= line.level <= scale.high]


def evened(values: Values, scale: Scale) -> tuple[Floats, Scale]:
    """What the lines of a map (h, w) follow, and the scale they divide.

    A map of coarse cells, and its scale, stay as they are. One that is finer than `FINE` is averaged over its surroundings first, or
    its lines would be as many specks as it has extreme pixels; the scale then shrinks as its largest value has.
    """
    grid = floats(values)
    if max(grid.shape) <= FINE:
        return grid, scale
    finite = np.isfinite(grid)
    whole = np.where(finite, grid, 0.0).clip(scale.low, scale.high)
    averaged = gaussian_filter(whole, BLUR * max(grid.shape), mode="nearest")
    before, after = float(np.abs(whole).max()), float(np.abs(averaged).max())
    kept = after / before if before > 0 and after > 0 else 1.0
    return np.where(finite, averaged, np.nan), Scale(scale.low * kept, scale.high * kept, scale.kind)


def draw_contours(image: Image.Image, grid: Floats, scale: Scale, opacity: float = 1.0) -> Image.Image:
    """The picture with the lines of a map (H, W) of its size; they end where values are NaN or infinite."""
    values = np.where(np.isfinite(grid), grid, np.nan)
    return draw_lines(
        image, ((path, line) for line in levels(scale) for path in find_contours(values, line.level)), opacity
    )


def outline(image: Image.Image, region: npt.NDArray[np.bool_]) -> Image.Image:
    """The picture with a line round a region (h, w), stretched over the whole picture; it closes along the picture's sides."""
    mask = np.asarray(Image.fromarray(region).resize(image.size, Image.Resampling.NEAREST), dtype=np.float32)
    border = [path - 1 for path in find_contours(np.pad(mask, 1), 0.5)]
    inside = [path.clip(0, (image.height - 1, image.width - 1)) for path in border]
    return draw_lines(image, ((path, Line(0.5, WIDTHS[1])) for path in inside))


def draw_lines(image: Image.Image, lines: Iterable[tuple[Path, Line]], opacity: float = 1.0) -> Image.Image:
    """The picture with lines along paths: all dark edges first, so that none crosses a light line."""
    unit = max(1.0, max(image.size) / USUAL)
    size = (image.width * SMOOTH, image.height * SMOOTH)
    edges, cores = Image.new("L", size), Image.new("L", size)
    on_edges, on_cores = ImageDraw.Draw(edges), ImageDraw.Draw(cores)
    for path, line in lines:
        for part in _dashes(path, unit) if line.dashed else [path]:
            points = [((column + 0.5) * SMOOTH, (row + 0.5) * SMOOTH) for row, column in part.tolist()]
            on_edges.line(points, 255, round((line.width + 2 * EDGE) * unit * SMOOTH), joint="curve")
            on_cores.line(points, 255, max(1, round(line.width * unit * SMOOTH)), joint="curve")
    drawn = image.convert("RGB")
    for colour, mask in ((DARK, edges), (LIGHT, cores)):
        reduced = mask.reduce(SMOOTH)
        drawn = Image.composite(Image.new("RGB", image.size, colour), drawn, reduced.point(lambda v: v * opacity))
    return drawn


def _dashes(path: Path, unit: float) -> Sequence[Path]:
    """The path in pieces, with gaps between them."""
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    period = sum(DASH) * unit
    starts = np.arange(0, along[-1], period)
    pieces = []
    for start in starts.tolist():
        stop = min(start + DASH[0] * unit, along[-1])
        inner = along[(along > start) & (along < stop)]
        places = np.concatenate([[start], inner, [stop]])
        pieces.append(np.stack([np.interp(places, along, path[:, axis]) for axis in (0, 1)], axis=1))
    return pieces
