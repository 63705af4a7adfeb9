"""Maps in colours, and laid over their pictures."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image

from explainers.core.errors import VitrineError
from explainers.render.colormaps import Colormap, find_colormap
from explainers.render.scale import Floats, Pixels, Scale, Values, as_array, floats

HATCH: Final = (150, 118)
"""The two greys of the stripes over values that are NaN or infinite."""


def _as_map(values: Values) -> Floats:
    grid = floats(values)
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
    return hatched(np.array(indexed.convert("RGB")), missing)


def hatched(colours: Pixels, missing: npt.NDArray[np.bool_]) -> Pixels:
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
