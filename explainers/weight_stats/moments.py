"""The values of a weight tensor in numbers: moments and histogram."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

NEAR_ZERO: Final = 1e-3
"""A value is near zero whose magnitude is at most this share of the tensor's root mean square."""

_CACHED: Final = 1 << 15  # elements per step on the CPU: they stay in a core's cache, and need no second thread

_PARALLEL: Final = 1 << 24  # elements per step on a GPU


@dataclass(frozen=True)
class Moments:
    """What the finite values of a tensor are like; NaN where there are none.

    Attributes:
        mean, std, min, max: in units of the weights; std is that of the population (divided by N).
        l1, l2: norms over all finite values.
        sparsity: share of exact zeros.
        near_zero: how many values are at most NEAR_ZERO times the root mean square, zeros included.
        nan, inf: how many values are not finite.
    """

    mean: float
    std: float
    min: float
    max: float
    l1: float
    l2: float
    sparsity: float
    near_zero: int
    nan: int
    inf: int


def moments(tensor: Tensor) -> Moments:
    """Moments of a tensor of any shape and dtype, complex ones by modulus; in float64 where the device has it."""
    nan = inf = 0
    parts = []
    for values in in_blocks(tensor):
        sums = _sums(values)
        if not math.isfinite(sums[_L1]):
            finite = values.isfinite()
            nan += int(values.isnan().sum())
            inf += int(values.isinf().sum())
            values = values[finite]
            sums = _sums(values) if values.numel() else []
        if sums:
            parts.append(sums)
    if not parts:
        unknown = math.nan
        return Moments(unknown, unknown, unknown, unknown, 0.0, 0.0, unknown, near_zero=0, nan=nan, inf=inf)
    count, mean, spread, low, high, l1, l2, zeros = np.array(parts).T
    total = count.sum()
    centre = float((count * mean).sum() / total)
    # Chan, Golub & LeVeque 1983: squared deviations within the blocks, and of the blocks from the whole.
    squares = float((spread + count * (mean - centre) ** 2).sum())
    norm = float(np.linalg.norm(l2))
    limit = NEAR_ZERO * norm / math.sqrt(total)
    near = sum(int((values.abs() <= limit).sum()) for values in in_blocks(tensor))
    return Moments(
        mean=centre,
        std=math.sqrt(squares / total),
        min=float(low.min()),
        max=float(high.max()),
        l1=float(l1.sum()),
        l2=norm,
        sparsity=float(zeros.sum() / total),
        near_zero=near,
        nan=nan,
        inf=inf,
    )


_L1: Final = 5  # place in _sums; not finite if a single value is not


def _sums(values: Tensor) -> list[float]:
    """Count, mean, sum of squared deviations, min, max, L1, L2 and zeros; one transfer from the device for all."""
    variance, mean = torch.var_mean(values, correction=0)
    low, high = values.aminmax()
    l1, l2 = torch.linalg.vector_norm(values, 1), torch.linalg.vector_norm(values)
    filled = torch.count_nonzero(values).to(values.dtype)
    count = values.numel()
    return [count, *torch.stack([mean, variance * count, low, high, l1, l2, count - filled]).tolist()]


def real_values(tensor: Tensor) -> Tensor:
    """The tensor detached, in float32 or float64; complex values by modulus."""
    tensor = tensor.detach()
    if tensor.is_complex():
        tensor = tensor.abs()
    return tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.float()


def in_blocks(tensor: Tensor) -> Iterator[Tensor]:
    """All values of a tensor, flat, some at a time; in float64 where the device has it."""
    flat = real_values(tensor).reshape(-1)
    if flat.numel() == 0:
        return
    dtype = torch.float32 if flat.device.type == "mps" else torch.float64  # Apple's GPU has no float64
    for block in torch.split(flat, _CACHED if flat.device.type == "cpu" else _PARALLEL):
        yield block.to(dtype)


def histogram(tensor: Tensor, bins: int = 60) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Counts (bins,) and edges (bins + 1,) of the finite values of a tensor, equally wide from smallest to largest.

    Example:
        >>> import torch
        >>> import explainers as ex
        >>> counts, edges = ex.histogram(torch.arange(100.0), bins=4)
        >>> counts.tolist(), edges.shape
        ([25, 25, 25, 25], (5,))
    """
    lows, highs = [], []
    for block in in_blocks(tensor):
        values = block[block.isfinite()]
        if values.numel():
            lows.append(float(values.min()))
            highs.append(float(values.max()))
    limits = (min(lows), max(highs)) if lows else (0.0, 1.0)
    edges = np.histogram_bin_edges(np.array([]), bins, limits)
    counts = np.zeros(bins, np.int64)
    for block in in_blocks(tensor):
        values = block[block.isfinite()].cpu().double()
        counts += np.histogram(values.numpy(), bins, (float(edges[0]), float(edges[-1])))[0]
    return counts, edges
