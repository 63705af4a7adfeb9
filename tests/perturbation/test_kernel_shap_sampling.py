"""Which coalitions KernelSHAP looks at, and what they weigh."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from explainers.perturbation._kernel_shap_sampling import draw_coalitions
from tests.support.regions import every_coalition


def shapley_kernel(shown: Tensor) -> Tensor:
    """The Shapley kernel's weight of every coalition, as published."""
    count = shown.shape[1]
    sizes = shown.sum(1).int().tolist()
    return torch.tensor([(count - 1) / (math.comb(count, s) * s * (count - s)) for s in sizes], dtype=torch.float64)


@pytest.mark.parametrize(
    ("regions", "pairs"), [(2, 5), (3, 1), (5, 7), (6, 20), (6, 31), (12, 25), (30, 100), (50, 500), (1500, 40)]
)
def test_pairs_are_complements_and_none_comes_twice(regions: int, pairs: int) -> None:
    drawn = draw_coalitions(regions, pairs, seed=3)
    assert len(drawn.shown) == len(drawn.weights) == len(drawn.probabilities) == 2 * min(pairs, 2 ** (regions - 1) - 1)
    assert torch.equal(drawn.shown[::2], ~drawn.shown[1::2])
    assert len(drawn.shown.unique(dim=0)) == len(drawn.shown)
    assert int(drawn.shown.sum(1).min()) > 0
    assert torch.equal(drawn.shown, draw_coalitions(regions, pairs, seed=3).shown)
    assert float(drawn.probabilities.max()) <= 1 + 1e-12


def test_all_coalitions_have_the_weights_of_the_kernel() -> None:
    drawn = draw_coalitions(7, 1000, seed=0)
    assert len(drawn.shown) == 2**7 - 2
    assert torch.equal(drawn.probabilities, torch.ones_like(drawn.probabilities))
    ratio = drawn.weights / shapley_kernel(drawn.shown)
    torch.testing.assert_close(ratio, ratio[:1].expand_as(ratio))


def test_on_average_every_coalition_weighs_as_the_kernel_has_it() -> None:
    """Of a size of which about n are drawn over all seeds, a coalition's mean weight is known to 1 / sqrt(n): to 4 % or better."""
    regions, seeds = 8, 1000
    totals = torch.zeros(2**regions, dtype=torch.float64)
    for seed in range(seeds):
        drawn = draw_coalitions(regions, 90, seed)
        totals.index_add_(0, drawn.shown.long() @ 2 ** torch.arange(regions), drawn.weights)
    expected = shapley_kernel(every_coalition(regions)[1:-1])
    torch.testing.assert_close(totals[1:-1] / totals.sum(), expected / expected.sum(), rtol=0.12, atol=0)
