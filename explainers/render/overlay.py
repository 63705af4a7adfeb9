"""Maps as pictures: colours, overlays, colour bars, figures to download, and a layer's filters.

A `Scale` ties numbers to colours. One scale given to several pictures makes them comparable.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor

from explainers.core.errors import VitrineError
from explainers.render.colormaps import Colormap, Kind, find_colormap
from explainers.render.lettering import INK, PAPER, font, line_height, number, shorten, text_block, wrap

Floats = npt.NDArray[np.floating]
Pixels = npt.NDArray[np.uint8]
Values = Tensor | npt.NDArray[Any]
"""Numbers of a map: (h, w) unless said otherwise."""

SINGLE: Final = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)
"""The least and the largest normal number of float32."""

HATCH: Final = (150, 118)
"""The two greys of the stripes over values that are NaN or infinite."""

FRAME: Final = "#5f666d"
"""Between filters: neither the white nor the mid-grey that zero has in them."""

PANEL: Final = (256, 1024)
"""A figure's panels are enlarged or reduced until their longer side is within these, in pixels."""


@dataclass(frozen=True)
class Scale:
    """Which number gets which end of a colour map; values beyond take the colour of the end.

    Attributes:
        low, high: the ends, in units of the map; of a diverging scale they are -x and x, so that zero is the middle.
    """

    low: float
    high: float
    kind: Kind = "sequential"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise VitrineError(f"A scale needs a finite low end below its high end, not {self.low} and {self.high}.")
        if self.kind == "diverging" and self.low != -self.high:
            raise VitrineError(
                f"A diverging scale is symmetric round zero, from -x to x, not {self.low} to {self.high}."
            )

    @classmethod
    def of(cls, maps: Values | Sequence[Values], signed: bool, percentile: float = 99.0) -> Scale:
        """The scale that suits one map, or several of any shapes together.

        Args:
            signed: symmetric round zero and diverging; otherwise sequential, with zero inside or at an end.
            percentile: share of the values, in percent, that must lie within; 100 for all of them. It keeps a few
                extreme pixels from leaving all others in one colour. A map of a hundred cells or fewer keeps its
                true maximum at 99; where the percentile falls on zero, the largest value is taken.
        """
        arrays = [maps] if isinstance(maps, Tensor | np.ndarray) else list(maps)
        flat = [_floats(a).ravel() for a in arrays]
        values = flat[0] if len(flat) == 1 else np.concatenate(flat or [np.zeros(0)])
        finite = np.isfinite(values)
        values = values if finite.all() else values[finite]
        if signed:
            high = _robust_maximum(np.abs(values), percentile) or 1.0
            return cls(-high, high, "diverging")
        low, high = min(0.0, _robust_minimum(values, percentile)), max(0.0, _robust_maximum(values, percentile))
        return cls(low, high) if low < high else cls(0.0, 1.0)

    def position(self, values: Values) -> Floats:
        """Where values lie between the ends, 0 to 1; those beyond are at the end, NaN and infinity become NaN."""
        numbers = _floats(values)
        # Divided by the larger end first, the ends of no scale overflow or vanish.
        unit = max(abs(self.low), abs(self.high))
        if not SINGLE[0] <= unit <= SINGLE[1]:
            numbers = numbers.astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            share: Floats = np.asarray(numbers / unit)
            share -= self.low / unit
            share /= self.high / unit - self.low / unit
        share.clip(0, 1, out=share)
        share[~np.isfinite(numbers)] = np.nan
        return share

    def strength(self, values: Values) -> Floats:
        """How much values say, 0 to 1: distance from the middle of a diverging scale, from the low end of others."""
        position = self.position(values)
        return np.abs(2 * position - 1) if self.kind == "diverging" else position


def _robust_minimum(values: Floats, percentile: float) -> float:
    return float(values.min()) if values.size and percentile == 100 else -_robust_maximum(-values, percentile)


def _robust_maximum(values: Floats, percentile: float) -> float:
    if values.size == 0:
        return 0.0
    if percentile == 100:
        return float(values.max())
    # "higher" is always one of the values: small maps, such as a CAM of 7 x 7, keep their true maximum.
    return float(np.percentile(values, percentile, method="higher")) or float(values.max())


def as_array(values: Values) -> npt.NDArray[np.float64]:
    """A tensor of any dtype and device, or an array, as float64 on the CPU."""
    return values.detach().double().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values, np.float64)


def _floats(values: Values) -> Floats:
    """As `as_array`, but float32 stays float32: enough for colours, in half the time."""
    if isinstance(values, Tensor) and values.dtype is torch.float32:
        return values.detach().cpu().numpy()
    return values if isinstance(values, np.ndarray) and values.dtype == np.float32 else as_array(values)


def _as_map(values: Values) -> Floats:
    grid = _floats(values)
    if grid.ndim != 2 or grid.size == 0:
        raise VitrineError(
            f"One map has the shape (height, width), not {grid.shape}; take one of a batch with maps[0]."
        )
    return grid


def resize_map(values: Values, size: tuple[int, int]) -> Floats:
    """A map (h, w) at `size` (height, width), bilinearly; cells that are NaN or infinite stay so and do not spread."""
    grid = _as_map(values)
    if grid.shape == size:
        return grid
    finite = np.isfinite(grid)
    if finite.all():
        return _bilinear(grid, size)
    weight = _bilinear(finite.astype(np.float64), size)
    total = _bilinear(np.where(finite, grid, 0.0), size)
    nearest = F.interpolate(torch.from_numpy(finite)[None, None].double(), size, mode="nearest-exact")[0, 0].numpy() > 0
    return np.where(nearest & (weight > 0), total / np.where(weight > 0, weight, 1), np.nan)


def _bilinear(grid: Floats, size: tuple[int, int]) -> Floats:
    stacked = torch.from_numpy(np.ascontiguousarray(grid))[None, None]
    resized = F.interpolate(stacked, size, mode="bilinear", align_corners=False, antialias=True)
    return as_array(resized[0, 0])


def colourise(values: Values, scale: Scale, colormap: str | Colormap = "viridis") -> Pixels:
    """A map (H, W) as colours, (H, W, 3) uint8; what is NaN or infinite is hatched in grey."""
    position = scale.position(_as_map(values))
    missing = np.isnan(position)
    position[missing] = 0
    position *= 255
    indexed = Image.fromarray(np.rint(position, out=position).astype(np.uint8))
    indexed.putpalette(find_colormap(colormap).lut.tobytes())  # Pillow looks colours up in a third of NumPy's time
    return _hatched(np.array(indexed.convert("RGB")), missing)


def _hatched(colours: Pixels, missing: npt.NDArray[np.bool_]) -> Pixels:
    if not missing.any():
        return colours
    rows, columns = np.nonzero(missing)
    colours[rows, columns] = np.where((rows + columns) // 4 % 2, *HATCH)[:, None]
    return colours


def overlay(
    image: Image.Image,
    values: Values,
    scale: Scale,
    colormap: str | Colormap = "viridis",
    opacity: float = 0.6,
    alpha_by_value: bool = False,
) -> Image.Image:
    """A map laid over its picture, RGB in the picture's size.

    Args:
        values: (h, w), stretched bilinearly over the whole picture.
        opacity: 0 shows the picture alone, 1 the map alone.
        alpha_by_value: let weak values through to the picture; `opacity` is then that of the strongest.
    """
    if not 0 <= opacity <= 1:
        raise VitrineError(f"Opacity goes from 0 to 1, not {opacity}.")
    picture = image.convert("RGB")
    grid = resize_map(values, (picture.height, picture.width))
    colours = Image.fromarray(colourise(grid, scale, colormap))
    if not alpha_by_value:
        return Image.blend(picture, colours, opacity)
    alpha = np.nan_to_num(scale.strength(grid), nan=1.0) * opacity
    return Image.composite(colours, picture, Image.fromarray(np.rint(alpha * 255).astype(np.uint8)))


def colour_bar(
    scale: Scale,
    colormap: str | Colormap = "viridis",
    width: int = 560,
    height: int = 48,
    unit: str = "",
    ink: str = INK,
    paper: str = PAPER,
) -> Image.Image:
    """The colour map with its numbers, and the unit above it where there is one.

    Args:
        width, height: of the whole picture in pixels, numbers and unit included.
        ink, paper: colours of the words and of the ground, for dark pages.
    """
    size = max(9, round(height * 0.26))
    row = line_height(size)
    top = row if unit else 0
    bar = Image.new("RGB", (width, max(height, top + row + 8)), paper)
    thick = bar.height - top - row - 2
    colours = Image.fromarray(find_colormap(colormap).lut[None])
    bar.paste(colours.resize((width, thick), Image.Resampling.NEAREST), (0, top))
    draw = ImageDraw.Draw(bar)
    draw.text((0, 0), shorten(unit, width, size), fill=ink, font=font(size))
    _draw_ticks(draw, scale, width, top + thick, size, ink)
    return bar


def _draw_ticks(draw: ImageDraw.ImageDraw, scale: Scale, width: int, y: int, size: int, ink: str) -> None:
    # As many numbers as can stand side by side; odd counts have one in the middle, a diverging scale's zero.
    count = next((n for n in (5, 3) if width >= n * size * 6), 2)
    for share in np.linspace(0, 1, count).tolist():
        x = share * (width - 1)
        draw.line((x, y, x, y + 2), fill=ink)
        anchor = "la" if share == 0 else "ra" if share == 1 else "ma"
        value = scale.low * (1 - share) + scale.high * share
        draw.text((x, y + 3), number(value), fill=ink, font=font(size), anchor=anchor)


def figure(
    image: Image.Image,
    values: Values,
    scale: Scale,
    colormap: str | Colormap = "viridis",
    opacity: float = 0.6,
    title: str = "",
    caption: str = "",
    unit: str = "",
    alpha_by_value: bool = False,
) -> Image.Image:
    """A picture to hand on: the image, the overlay beside it, the colour bar, a title and a caption; RGB."""
    panel = _fit(image.convert("RGB"))
    drawn = overlay(panel, values, scale, colormap, opacity, alpha_by_value)
    gap, margin = 16, 24
    width = 2 * panel.width + gap
    pair = Image.new("RGB", (width, panel.height), PAPER)
    pair.paste(panel, (0, 0))
    pair.paste(drawn, (panel.width + gap, 0))
    parts = [pair, colour_bar(scale, colormap, width, unit=unit)]
    if title:
        parts.insert(0, text_block(wrap(title, width, 20), width, 20))
    if caption:
        parts.append(text_block(wrap(caption, width, 14), width, 14))
    height = sum(part.height for part in parts) + gap * (len(parts) - 1)
    sheet = Image.new("RGB", (width + 2 * margin, height + 2 * margin), PAPER)
    y = margin
    for part in parts:
        sheet.paste(part, (margin, y))
        y += part.height + gap
    return sheet


def _fit(image: Image.Image) -> Image.Image:
    longer = max(image.size)
    factor = min(max(longer, PANEL[0]), PANEL[1]) / longer
    if factor == 1:
        return image
    return image.resize(
        (max(1, round(image.width * factor)), max(1, round(image.height * factor))), Image.Resampling.BICUBIC
    )


def filters_sheet(
    weights: Tensor,
    colormap: str | Colormap = "blue-red",
    scale: Scale | None = None,
    tile: int = 48,
    padding: int = 2,
    max_filters: int = 64,
    max_channels: int = 16,
) -> Image.Image:
    """The filters of a convolution as one picture, all on one scale, enlarged without smoothing.

    Filters of three channels are shown in RGB, where mid-grey is zero, and filters of one channel in `colormap`,
    both in a grid row by row. Of others every filter is a row and every input channel a column.

    Args:
        weights: (K, C, h, w).
        scale: a symmetric scale; None takes the largest absolute weight of all.
        tile: side to enlarge each filter to, in pixels, as far as a whole factor allows.
        max_filters, max_channels: no more of each are drawn.
    """
    if weights.ndim != 4 or weights.numel() == 0:
        raise VitrineError(f"Filters have the shape (filters, channels, height, width), not {tuple(weights.shape)}.")
    scale = scale or Scale.of(weights, signed=True, percentile=100)
    values = as_array(weights)[:max_filters]
    count, channels, height, width = values.shape
    if channels == 3:
        columns = math.ceil(math.sqrt(count * 1.5))
        tiles = [_rgb_tile(one, scale) for one in values]
    else:
        columns = math.ceil(math.sqrt(count * 1.5)) if channels == 1 else min(channels, max_channels)
        tiles = [colourise(one, scale, colormap) for row in values for one in row[:max_channels]]
    factor = max(1, tile // max(height, width))
    return _grid(tiles, min(columns, len(tiles)), factor, padding)


def _rgb_tile(weights: Floats, scale: Scale) -> Pixels:
    """(3, h, w) as (h, w, 3) uint8, where zero is mid-grey."""
    position = scale.position(weights).transpose(1, 2, 0)
    colours: Pixels = np.rint(np.nan_to_num(position) * 255).astype(np.uint8)
    return _hatched(colours, np.isnan(position.sum(-1)))


def _grid(tiles: list[Pixels], columns: int, factor: int, padding: int) -> Image.Image:
    height, width = (factor * side for side in tiles[0].shape[:2])
    rows = math.ceil(len(tiles) / columns)
    size = (columns * (width + padding) + padding, rows * (height + padding) + padding)
    sheet = Image.new("RGB", size, FRAME)
    for place, pixels in enumerate(tiles):
        row, column = divmod(place, columns)
        enlarged = Image.fromarray(np.ascontiguousarray(pixels)).resize((width, height), Image.Resampling.NEAREST)
        sheet.paste(enlarged, (padding + column * (width + padding), padding + row * (height + padding)))
    return sheet
