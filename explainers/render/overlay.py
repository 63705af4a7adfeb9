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
from explainers.render.contours import draw_contours, evened, outline
from explainers.render.scale import Floats, Pixels, Scale, Values, as_array, floats
from explainers.render.style import Style

HATCH: Final = (150, 118)
"""The two greys of the stripes over values that are NaN or infinite."""

ORDINARY: Final = Style()


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
    style: Style = ORDINARY,
    region: npt.NDArray[np.bool_] | None = None,
) -> Image.Image:
    """A map drawn over its picture, RGB in the picture's size.

    Args:
        values: (h, w), stretched bilinearly over the whole picture.
        style: in an overlay, a value of no strength leaves its pixel as it is.
        region: (h, w), a part of the picture to be outlined.
    """
    picture = image.convert("L").convert("RGB") if style.grey else image.convert("RGB")
    size = (picture.height, picture.width)
    if style.shown == "contours":
        averaged, lines = evened(_as_map(values), scale)
        drawn = _contoured(picture, resize_map(averaged, size), lines, style)
    else:
        drawn = _coloured(picture, resize_map(values, size), scale, style)
    return drawn if region is None or not region.any() else outline(drawn, region)


def _coloured(picture: Image.Image, grid: Floats, scale: Scale, style: Style) -> Image.Image:
    colours = Image.fromarray(colourise(grid, scale, style.colours(scale.kind)))
    if style.shown == "veil":
        return Image.blend(picture, colours, style.opacity)
    alpha = np.nan_to_num(scale.strength(grid), nan=1.0) * style.opacity
    return Image.composite(colours, picture, Image.fromarray(np.rint(alpha * 255).astype(np.uint8)))


def _contoured(picture: Image.Image, grid: Floats, scale: Scale, style: Style) -> Image.Image:
    missing = ~np.isfinite(grid)
    ground = Image.fromarray(hatched(np.array(picture), missing)) if missing.any() else picture
    return draw_contours(ground, grid, scale, style.opacity)
