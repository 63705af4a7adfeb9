"""The output filters of a weight tensor: how many, which are dead, and which double."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from explainers.core.model import Model
from explainers.weight_stats.moments import real_values


def first_layer_filters(model: Model) -> tuple[str, Tensor] | None:
    """Name and weights (K, C, h, w), float32 on the CPU, of the first 2-d convolution; None if there is none.

    The first in the order of definition, which for torchvision's networks is the one that sees the image.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> name, filters = ex.first_layer_filters(model)
        >>> name, tuple(filters.shape)
        ('stem.conv', (16, 3, 3, 3))
    """
    for name, module in model.network.named_modules():
        if isinstance(module, nn.Conv2d):
            return name or type(module).__name__, module.weight.detach().to("cpu", torch.float32, copy=True)
    return None


DEAD: Final = 1e-3
"""A filter is dead whose L2 norm is at most this share of the median norm of the tensor's non-zero filters."""

TWINS: Final = 0.99
"""Two filters are near-duplicates whose cosine similarity is above this."""

_COMPARED: Final = 1 << 20  # pairs of filters compared at once

_LONG: Final = 64  # weights per filter from which comparing a part first pays


def as_filters(weight: Tensor, module: nn.Module | None = None) -> Tensor:
    """Weights with their output filters (rows) first: (K, ...).

    Transposed convolutions keep theirs as (in, out / groups, *kernel), and come back as (out, in / groups, *kernel).
    """
    if weight.ndim < 3 or not getattr(module, "transposed", False):
        return weight
    groups = groups_of(module)
    grouped = weight.reshape(groups, -1, *weight.shape[1:])  # (groups, in / groups, out / groups, *kernel)
    return grouped.transpose(1, 2).flatten(0, 1)


@dataclass(frozen=True)
class FilterCounts:
    """How many output filters a tensor has, and how many of them are dead, or have a near-duplicate."""

    filters: int = 0
    dead: int = 0
    near_duplicate: int = 0


def groups_of(module: nn.Module | None) -> int:
    """How many groups a layer's filters fall into, each with input channels of its own; 1 where all see the same."""
    return int(getattr(module, "groups", 1))


def count_filters(filters: Tensor, groups: int = 1) -> FilterCounts:
    """Count dead and near-duplicate filters of weights (K, ...); all zero for a vector.

    A filter counts as near-duplicate if any other of its group has a cosine similarity above TWINS with it: two groups see
    different channels, so what they do differs though their filters are equal. Dead filters and those with NaN or Inf have
    no direction, and a single weight has no direction to share: none of these counts.
    """
    if filters.ndim < 2 or filters.numel() == 0:
        return FilterCounts(len(filters) if filters.ndim >= 2 else 0)
    rows = real_values(filters).flatten(1)
    norms = torch.linalg.vector_norm(rows, dim=1, dtype=None if rows.device.type == "mps" else torch.float64)
    finite = norms.isfinite()
    if not bool(finite.all()):
        rows, norms = rows[finite], norms[finite]
    filled = norms[norms > 0]
    if len(filled) == 0:
        return FilterCounts(len(filters), len(rows))
    alive = norms > DEAD * filled.median()
    dead = len(rows) - int(alive.sum())
    if rows.shape[1] < 2 or groups >= len(filters):
        return FilterCounts(len(filters), dead)
    group = torch.arange(len(filters), device=rows.device)[finite][alive] // (len(filters) // groups)
    rows, norms = rows[alive], norms[alive]
    units = rows / norms.clamp(max=torch.finfo(rows.dtype).max).to(rows.dtype).unsqueeze(1)
    twins = sum(_count_twins(units[group == own]) for own in range(groups)) if groups > 1 else _count_twins(units)
    return FilterCounts(len(filters), dead, twins)


def kernel_rank(filters: Tensor) -> float:
    """How many shapes the kernels (K, 1, *kernel) of a depthwise convolution are made of: from 1 to the kernel's size.

    The effective rank of Roy & Vetterli (2007, EUSIPCO, 606): the exponential of the entropy of the singular values, here of
    the kernels at length 1, so that every channel counts alike. NaN where there is no kernel with a direction.
    """
    rows = real_values(filters).flatten(1).cpu().double()
    norms = torch.linalg.vector_norm(rows, dim=1)
    rows, norms = rows[norms.isfinite() & (norms > 0)], norms[norms.isfinite() & (norms > 0)]
    if len(rows) == 0:
        return math.nan
    units = rows / norms.unsqueeze(1)
    values = torch.linalg.eigvalsh(units.T @ units).clamp_min(0).sqrt()
    shares = values / values.sum()
    return float(torch.special.entr(shares).sum().exp())


def _count_twins(units: Tensor) -> int:
    """How many of the unit vectors (K, F) have a cosine similarity above TWINS with another."""
    distance = 2 * (1 - TWINS)  # |a - b|^2 = 2 - 2 cos
    if units.shape[1] >= _LONG:
        # Two vectors are at least as far apart as any of their parts, and an eighth of them tells most pairs apart.
        units = units[_have_near_neighbour(units[:, ::8].contiguous(), 1.01 * distance)]
    return int(_have_near_neighbour(units, distance).sum())


def _have_near_neighbour(vectors: Tensor, distance: float) -> Tensor:
    """Which of the vectors (K, F) are nearer to another than this squared distance, (K,) bool."""
    squares = vectors.square().sum(1)
    has_neighbour = torch.zeros(len(vectors), dtype=torch.bool, device=vectors.device)
    step = max(1, _COMPARED // max(1, len(vectors)))
    for begin in range(0, len(vectors), step):
        # With itself and later ones only: the earlier blocks have met it already.
        here, later = slice(begin, begin + step), slice(begin, None)
        rest = torch.addmm(squares[later], vectors[here], vectors[later].T, alpha=-2)  # |b|^2 - 2 a b
        near = (rest < distance - squares[here, None]).fill_diagonal_(False)
        if bool(near.any()):
            has_neighbour[here] |= near.any(1)
            has_neighbour[later] |= near.any(0)
    return has_neighbour
