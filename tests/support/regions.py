"""Scores of coalitions of regions, for methods that fit something to them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from tests.support.models.networks import random_inputs


def every_coalition(regions: int) -> Tensor:
    """All of them, empty and whole included, (2^R, R) float64; bit r of a row's index says whether region r is shown."""
    return (torch.arange(2**regions)[:, None] >> torch.arange(regions) & 1).double()


def joint_score(regions: int) -> Callable[[Tensor], Tensor]:
    """(coalitions (M, R)) -> scores (M,) that are no sum of what their regions add: pairs and threes count besides."""
    alone, pairs, threes = random_inputs(1, (regions + 2, regions), dtype=torch.float64)[0].split([1, regions, 1])

    def score(shown: Tensor) -> Tensor:
        return shown @ alone[0] + 0.3 * ((shown @ pairs) * shown).sum(1) + 0.3 * (shown @ threes[0]).pow(3)

    return score
