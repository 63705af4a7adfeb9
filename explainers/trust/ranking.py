"""Maps compared by the order of their values: what no scaling of a map changes."""

from __future__ import annotations

import numpy as np
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
    first, second = (m.detach().double().cpu().numpy().ravel() for m in (a, b))
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        return None
    ranks = [rankdata(m) - (m.size + 1) / 2 for m in (first, second)]
    size = float(np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum()))
    return float(np.clip((ranks[0] * ranks[1]).sum() / size, -1, 1)) if size > 0 else None


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
