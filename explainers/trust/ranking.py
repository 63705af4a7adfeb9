"""Maps compared by the order of their values: what no scaling of a map changes."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from explainers.core.rng import seeded_generator

Values = npt.NDArray[np.float64]
STEADY = 0.8  # rank correlation from which a map counts as the same again
TOP = 0.1  # of the pixels: what two maps are compared by
PAIR = np.dtype([("index", "<u4"), ("value", "<u4")])  # read as one integer, it is ordered by value


def order_of(heat: Tensor, seed: int = 0) -> Tensor:
    """The place of every value in descending order, of the shape of `heat`: 0 is the strongest.

    Equal values are ordered at random, lest a map of few values be covered from its upper left corner on.
    """
    flat = heat.flatten()
    shuffled = torch.randperm(len(flat), generator=seeded_generator("cpu", seed)).to(flat.device)
    places = torch.empty_like(shuffled)
    places[shuffled[flat[shuffled].argsort(descending=True, stable=True)]] = torch.arange(len(flat), device=flat.device)
    return places.view(heat.shape)


def spearman(a: Tensor, b: Tensor) -> float | None:
    """Rank correlation of two maps, -1 to 1, equal values sharing their mean rank; None where one is constant or not finite."""
    first, second = centred_ranks(a), centred_ranks(b)
    if first is None or second is None:
        return None
    return correlation(first, second)


def correlation(a: Tensor, b: Tensor) -> float:
    """Rank correlation, -1 to 1, from two `centred_ranks`."""
    return min(1.0, max(-1.0, float(a @ b)))


def centred_ranks(heat: Tensor) -> Tensor | None:
    """Ranks of a map's values less their mean, as a vector (N,) of length 1, float64, so that a product of two of them is
    their rank correlation; None where the map is constant or not finite."""
    ranks = _ranks(heat)
    return None if ranks is None else _centred(ranks)


def order_and_top(heat: Tensor, share: float = TOP) -> tuple[Tensor, Tensor] | None:
    """The `centred_ranks` of a map and its `strongest` share, from one sorting; None where it is constant or not finite."""
    ranks = _ranks(heat)
    if ranks is None:
        return None
    count = _top_count(heat, share)
    top = ranks > ranks.size - count
    if np.count_nonzero(top) != count:  # equal values on both sides of the border share a rank
        return _centred(ranks), top_mask(heat, count)
    return _centred(ranks), torch.from_numpy(top).view(heat.shape).to(heat.device)


def _ranks(heat: Tensor) -> Values | None:
    values = heat.detach().float().cpu().numpy().ravel()  # maps are float32 when they are made
    return mean_ranks(values) if np.isfinite(values).all() and values.min() < values.max() else None


def _centred(ranks: Values) -> Tensor:
    centred = ranks - (ranks.size + 1) / 2
    centred /= math.sqrt(np.square(centred).sum())
    return torch.from_numpy(centred)


def mean_ranks(values: npt.NDArray[np.float32]) -> Values:
    """Ranks of finite numbers (N,) from 1, equal ones sharing their mean rank: scipy's rankdata in a fraction of its time.

    Every value is sorted together with its place, as one integer, for which NumPy has vector instructions.
    """
    bits = (values + np.float32(0)).view(np.int32)  # -0 becomes 0
    pairs = np.empty(values.size, PAIR)
    pairs["index"] = np.arange(values.size, dtype=np.uint32)
    # Positive floats are ordered as their bits are, negative ones against them.
    pairs["value"] = (bits ^ ((bits >> 31) | np.int32(-(2**31)))).view(np.uint32)
    pairs.view("<u8").sort()
    ranks = np.empty(values.size)
    ranks[pairs["index"].astype(np.intp)] = _shared_ranks(pairs["value"])
    return ranks


def _shared_ranks(ordered: npt.NDArray[np.uint32]) -> Values:
    """Ranks of ordered numbers (N,) from 1, equal ones sharing their mean rank."""
    changes = np.ones(ordered.size + 1, np.bool_)  # where a number differs from the one before it
    np.not_equal(ordered[1:], ordered[:-1], out=changes[1:-1])
    borders = np.flatnonzero(changes)
    return np.repeat((borders[:-1] + borders[1:] + 1) / 2, np.diff(borders))


def top_mask(heat: Tensor, count: int, seed: int = 0) -> Tensor:
    """Where the `count` strongest values are, bool, of the shape of `heat`: those of the first places by `order_of`."""
    flat = heat.detach().cpu().numpy().ravel()
    if not 0 < count < flat.size or not np.isfinite(flat).all():
        return order_of(heat, seed) < count
    last = np.partition(flat, flat.size - count)[flat.size - count]
    mask = flat >= last
    if np.count_nonzero(mask) > count:
        # Of those equal to the last place's, as many as there is room for, in the random order of `order_of`.
        mask = flat > last
        shuffled = torch.randperm(flat.size, generator=seeded_generator("cpu", seed)).numpy()
        equal = shuffled[flat[shuffled] == last]
        mask[equal[: count - np.count_nonzero(mask)]] = True
    return torch.from_numpy(mask).view(heat.shape).to(heat.device)


def top_overlap(a: Tensor, b: Tensor, share: float = TOP) -> float:
    """Intersection over union of the strongest `share` of two maps, 0 to 1."""
    return overlap(strongest(a, share), strongest(b, share))


def strongest(heat: Tensor, share: float = TOP) -> Tensor:
    """Where the strongest `share` of a map lies, bool."""
    return top_mask(heat, _top_count(heat, share))


def _top_count(heat: Tensor, share: float) -> int:
    return max(1, round(share * heat.numel()))


def overlap(a: Tensor, b: Tensor) -> float:
    """Intersection over union of two masks, 0 to 1; 0 where both are empty."""
    first, second = a.cpu().numpy(), b.cpu().numpy()  # PyTorch wakes its threads for every sum, which takes longer
    union = np.count_nonzero(first | second)
    return np.count_nonzero(first & second) / union if union else 0.0
