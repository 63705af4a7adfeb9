"""Maps compared by the order of their values: what no scaling of a map changes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import rankdata
from torch import Tensor

from explainers.core.draws import generator

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


def centred_ranks(heat: Tensor) -> npt.NDArray[np.float64] | None:
    """Ranks of a map's values less their mean, as a vector of length 1, so that a product of two of them is their rank
    correlation; None where the map is constant or not finite."""
    values = heat.detach().double().cpu().numpy().ravel()
    if not np.isfinite(values).all():
        return None
    ranks: npt.NDArray[np.float64] = rankdata(values) - (values.size + 1) / 2
    size = float(np.sqrt((ranks**2).sum()))
    return ranks / size if size > 0 else None


def top_mask(heat: Tensor, count: int) -> Tensor:
    """Where the `count` strongest values are, bool, of the shape of `heat`."""
    return order_of(heat) < count


def top_overlap(a: Tensor, b: Tensor, share: float = TOP) -> float:
    """Intersection over union of the strongest `share` of two maps, 0 to 1."""
    count = max(1, round(share * a.numel()))
    return overlap(top_mask(a, count), top_mask(b, count))


def overlap(a: Tensor, b: Tensor) -> float:
    """Intersection over union of two masks, 0 to 1; 0 where both are empty."""
    union = int((a | b).sum())
    return int((a & b).sum()) / union if union else 0.0


def stretched(heat: Tensor) -> Tensor:
    """A map from its least value, 0, to its largest, 1; zeros where it is constant."""
    low, high = heat.min(), heat.max()
    return (heat - low) / (high - low) if bool(high > low) else torch.zeros_like(heat)
