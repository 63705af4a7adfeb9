"""Maps compared by the order of their values: what no scaling of a map changes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from explainers.core.draws import generator

Values = npt.NDArray[np.float64]
TOP = 0.1  # of the pixels: what two maps are compared by


def order_of(heat: Tensor, seed: int = 0) -> Tensor:
    """The place of every value in descending order, of the shape of `heat`: 0 is the strongest.

    Equal values are ordered at random, lest a map of few values be covered from its upper left corner on.
    """
    flat = heat.flatten()
    shuffled = torch.randperm(len(flat), generator=generator("cpu", seed)).to(flat.device)
    places = torch.empty_like(shuffled)
    places[shuffled[flat[shuffled].argsort(descending=True, stable=True)]] = torch.arange(len(flat), device=flat.device)
    return places.view(heat.shape)


def spearman(a: Tensor, b: Tensor) -> float | None:
    """Rank correlation of two maps, -1 to 1, equal values sharing their mean rank; None where one is constant or not finite."""
    first, second = centred_ranks(a), centred_ranks(b)
    if first is None or second is None:
        return None
    return float(np.clip(first @ second, -1, 1))


def centred_ranks(heat: Tensor) -> Values | None:
    """Ranks of a map's values less their mean, as a vector of length 1, so that a product of two of them is their rank
    correlation; None where the map is constant or not finite."""
    values = heat.detach().double().cpu().numpy().ravel()
    if not np.isfinite(values).all() or values.min() == values.max():
        return None
    ranks = mean_ranks(values) - (values.size + 1) / 2
    return ranks / float(np.sqrt((ranks**2).sum()))


def mean_ranks(values: Values) -> Values:
    """Ranks of finite numbers (N,) from 1, equal ones sharing their mean rank: scipy's rankdata in a quarter of its time.

    What shares a rank needs no stable sorting, and for the faster sort NumPy has vector instructions.
    """
    count = values.size
    order = np.argsort(values)
    ordered, places = values[order], np.arange(1.0, count + 1)
    new = np.ones(count + 1, np.bool_)  # where a value differs from the one before it
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:-1])
    tied = ~(new[1:] & new[:-1])
    if tied.any():
        first, last = np.flatnonzero(new[:-1] & ~new[1:]), np.flatnonzero(new[1:] & ~new[:-1])
        places[tied] = np.repeat((first + last + 2) / 2, last - first + 1)
    ranks = np.empty(count)
    ranks[order] = places
    return ranks


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
        shuffled = torch.randperm(flat.size, generator=generator("cpu", seed)).numpy()
        equal = shuffled[flat[shuffled] == last]
        mask[equal[: count - np.count_nonzero(mask)]] = True
    return torch.from_numpy(mask).view(heat.shape).to(heat.device)


def top_overlap(a: Tensor, b: Tensor, share: float = TOP) -> float:
    """Intersection over union of the strongest `share` of two maps, 0 to 1."""
    return overlap(strongest(a, share), strongest(b, share))


def strongest(heat: Tensor, share: float = TOP) -> Tensor:
    """Where the strongest `share` of a map lies, bool."""
    return top_mask(heat, max(1, round(share * heat.numel())))


def overlap(a: Tensor, b: Tensor) -> float:
    """Intersection over union of two masks, 0 to 1; 0 where both are empty."""
    first, second = a.cpu().numpy(), b.cpu().numpy()  # PyTorch wakes its threads for every sum, which takes longer
    union = np.count_nonzero(first | second)
    return np.count_nonzero(first & second) / union if union else 0.0


def stretched(heat: Tensor) -> Tensor:
    """A map from its least value, 0, to its largest, 1; zeros where it is constant."""
    low, high = heat.min(), heat.max()
    return (heat - low) / (high - low) if bool(high > low) else torch.zeros_like(heat)
