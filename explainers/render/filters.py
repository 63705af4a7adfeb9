"""The filters of a convolution as one picture."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from PIL import Image
from torch import Tensor

from explainers.core.errors import VitrineError
from explainers.render.colormaps import Colormap
from explainers.render.overlay import colourise, hatched
from explainers.render.scale import Floats, Pixels, Scale, as_array

FRAME: Final = "#5f666d"
"""Between filters: neither the white nor the mid-grey that zero has in them."""


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
        tiles = [_rgb_tile(filter_weights, scale) for filter_weights in values]
    else:
        columns = math.ceil(math.sqrt(count * 1.5)) if channels == 1 else min(channels, max_channels)
        tiles = [
            colourise(channel, scale, colormap)
            for filter_weights in values
            for channel in filter_weights[:max_channels]
        ]
    factor = max(1, tile // max(height, width))
    return _grid(tiles, min(columns, len(tiles)), factor, padding)


def _rgb_tile(weights: Floats, scale: Scale) -> Pixels:
    """(3, h, w) as (h, w, 3) uint8, where zero is mid-grey."""
    position = scale.position(weights).transpose(1, 2, 0)
    colours: Pixels = np.rint(np.nan_to_num(position) * 255).astype(np.uint8)
    return hatched(colours, np.isnan(position.sum(-1)))


def _grid(tiles: list[Pixels], columns: int, factor: int, padding: int) -> Image.Image:
    height, width = (factor * side for side in tiles[0].shape[:2])
    rows = math.ceil(len(tiles) / columns)
    size = (columns * (width + padding) + padding, rows * (height + padding) + padding)
    sheet = Image.new("RGB", size, FRAME)
    for tile_index, pixels in enumerate(tiles):
        row, column = divmod(tile_index, columns)
        enlarged = Image.fromarray(np.ascontiguousarray(pixels)).resize((width, height), Image.Resampling.NEAREST)
        sheet.paste(enlarged, (padding + column * (width + padding), padding + row * (height + padding)))
    return sheet
