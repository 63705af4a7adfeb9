"""Regions: an input cut into parts that are hidden or shown as one."""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence

import numpy as np
import torch
from skimage import segmentation
from torch import Tensor

from explainers.core.model import Model
from explainers.graph.boxes import Extents


class Segments(enum.StrEnum):
    """How a picture is cut up."""

    SLIC = "slic"  # Achanta et al. 2012, doi:10.1109/TPAMI.2012.120
    GRID = "grid"
    FELZENSZWALB = "felzenszwalb"  # Felzenszwalb & Huttenlocher 2004, doi:10.1023/B:VISI.0000022288.19776.77
    QUICKSHIFT = "quickshift"  # Vedaldi & Soatto 2008, doi:10.1007/978-3-540-88693-8_52


def segment_input(model: Model, input: Tensor, segments: Segments, count: int) -> Tensor:
    """The number of the region that every pixel belongs to.

    Args:
        input: a single one, (1, C, H, W) or (1, F), or with any other places than H and W, such as a sequence (1, C, L).
        count: about how many regions; methods that follow the picture's edges come near it only.

    Returns:
        (H, W) int64 from 0 without gaps, on the CPU; for a vector every feature is a region, (F,); what is neither is cut
        evenly along each of its places, (L,).
    """
    if input.ndim == 2:
        return torch.arange(input.shape[1])
    if input.ndim != 4:
        return _even_blocks(input.shape[2:], count)
    height, width = input.shape[-2:]
    if segments is Segments.GRID:
        return grid_segments(height, width, count)
    pixels = _pixels(model, input)
    area = height * width / count
    match segments:
        case Segments.SLIC:
            labels = segmentation.slic(pixels, count, compactness=10, start_label=0, channel_axis=-1)
        case Segments.FELZENSZWALB:
            labels = segmentation.felzenszwalb(
                pixels, scale=area / 4, sigma=0.8, min_size=round(area / 4), channel_axis=-1
            )
        case Segments.QUICKSHIFT:
            size = max(1.0, math.sqrt(area) / 8)
            labels = segmentation.quickshift(pixels, kernel_size=size, max_dist=6 * size, ratio=0.5, convert2lab=True)
    _, consecutive = np.unique(labels, return_inverse=True)
    return torch.from_numpy(consecutive.reshape(labels.shape)).long()


def grid_segments(height: int, width: int, count: int) -> Tensor:
    """Rectangles, about `count` and about square, as even as whole pixels allow: (height, width) int64."""
    rows = min(height, max(1, round(math.sqrt(count * height / width))))
    columns = min(width, max(1, round(count / rows)))
    row = torch.arange(height) * rows // height
    column = torch.arange(width) * columns // width
    return row[:, None] * columns + column


def _even_blocks(sides: Sequence[int], count: int) -> Tensor:
    """Blocks, about `count` and about as long as wide, in places of any number of dimensions: int64."""
    edge = (math.prod(sides) / count) ** (1 / len(sides))
    labels = torch.zeros((), dtype=torch.long)
    for side in sides:
        parts = min(side, max(1, round(side / edge)))
        labels = labels.unsqueeze(-1) * parts + torch.arange(side) * parts // side
    return labels


def segment_extents(regions: Tensor) -> Extents | None:
    """The box that each of a picture's regions (H, W) lies in; None of those of anything else."""
    if regions.ndim != 2:
        return None
    labels = regions.cpu()
    count, (height, width) = int(labels.max()) + 1, labels.shape
    coordinates = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    region_index, empty = labels.view(-1, 1).expand(-1, 2), torch.zeros(count, 2, dtype=torch.long)
    first = empty.scatter_reduce(0, region_index, coordinates, "amin", include_self=False)
    last = empty.scatter_reduce(0, region_index, coordinates, "amax", include_self=False)
    return Extents(first, last + 1, (height, width))


def region_masks(shown: Tensor, regions: Tensor, input: Tensor) -> Tensor:
    """Masks of pixels from masks of regions.

    Args:
        shown: (m, R): 1 where the region is shown.
        regions: of this input, on the same device, see `segment_input`.

    Returns:
        (m, 1, H, W), (m, 1, L) and the like, or (m, F).
    """
    masks = shown.index_select(1, regions.flatten()).view(len(shown), *regions.shape)
    return masks if input.ndim == 2 else masks.unsqueeze(1)


def _pixels(model: Model, input: Tensor) -> np.ndarray:
    """The picture behind an input as (H, W, 3) floats from 0 to 1, as well as it is known."""
    if model.preprocess is not None:
        return np.asarray(model.preprocess.invert(input)[0].convert("RGB"), dtype=np.float64) / 255
    values = input[0].cpu().double()
    values = (values - values.min()) / (values.max() - values.min()).clamp_min(1e-12)
    colours = values[:3] if len(values) >= 3 else values[:1].expand(3, -1, -1)
    pixels: np.ndarray = colours.permute(1, 2, 0).numpy()
    return pixels
