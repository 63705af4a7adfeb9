"""KernelSHAP: which coalitions it looks at, and what it makes of their scores."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import explainers as ex
from explainers.core.model import Model
from explainers.perturbation._kernel_shap_sampling import draw_coalitions
from explainers.perturbation.kernel_shap import constrained
from explainers.perturbation.shapley import exact_values
from tests.support.networks import Formula, assert_close, random_inputs


def kernel(shown: Tensor) -> Tensor:
    """The Shapley kernel's weight of every coalition, as published."""
    count = shown.shape[1]
    sizes = shown.sum(1).tolist()
    return torch.tensor([(count - 1) / (math.comb(count, s) * s * (count - s)) for s in sizes], dtype=torch.float64)


@pytest.mark.parametrize(
    ("regions", "pairs"), [(2, 5), (3, 1), (5, 7), (6, 20), (6, 31), (12, 25), (30, 100), (50, 500), (1500, 40)]
)
def test_pairs_are_complements_and_none_comes_twice(regions: int, pairs: int) -> None:
    drawn = draw_coalitions(regions, pairs, seed=3)
    assert len(drawn.shown) == len(drawn.weights) == len(drawn.chance) == 2 * min(pairs, 2 ** (regions - 1) - 1)
    assert torch.equal(drawn.shown[::2], ~drawn.shown[1::2])
    assert len(drawn.shown.unique(dim=0)) == len(drawn.shown)
    assert int(drawn.shown.sum(1).min()) > 0
    assert torch.equal(drawn.shown, draw_coalitions(regions, pairs, seed=3).shown)
    assert float(drawn.chance.max()) <= 1 + 1e-12


def test_all_coalitions_have_the_weights_of_the_kernel() -> None:
    drawn = draw_coalitions(7, 1000, seed=0)
    assert len(drawn.shown) == 2**7 - 2
    assert torch.equal(drawn.chance, torch.ones_like(drawn.chance))
    share = drawn.weights / kernel(drawn.shown)
    torch.testing.assert_close(share, share[:1].expand_as(share))


def test_on_average_every_coalition_weighs_as_the_kernel_has_it() -> None:
    regions, seeds = 8, 1000
    found = torch.zeros(2**regions, dtype=torch.float64)
    for seed in range(seeds):
        drawn = draw_coalitions(regions, 90, seed)
        found.index_add_(0, drawn.shown.long() @ 2 ** torch.arange(regions), drawn.weights)
    every = torch.arange(1, 2**regions - 1)[:, None] >> torch.arange(regions) & 1
    expected = kernel(every) / kernel(every).sum()
    torch.testing.assert_close(found[1:-1] / found.sum(), expected, rtol=0.12, atol=0)


def test_half_the_pictures_do_that_pairs_drawn_with_replacement_take() -> None:
    """Of a score of which a third is no sum of its regions; the coalitions drawn as Covert & Lee have it, from as many again."""
    regions, seeds = 12, 60
    every = (torch.arange(2**regions)[:, None] >> torch.arange(regions) & 1).double()
    alone, *joint = random_inputs(1, (7, regions), dtype=torch.float64)[0]
    scores = every @ alone + sum(1.5 * torch.tanh(2 * (every - 0.5) @ one) for one in joint)
    truth = exact_values(scores)
    numbers = 2 ** torch.arange(regions)

    def squared_error(shown: Tensor, weights: Tensor, chance: Tensor) -> float:
        values = scores[shown.long() @ numbers] - scores[0]
        found, _ = constrained(shown.double(), values, weights, float(scores[-1] - scores[0]), chance)
        return float((found - truth).square().sum())

    ours, theirs = [], []
    for seed in range(seeds):
        drawn = draw_coalitions(regions, 100, seed)
        ours.append(squared_error(drawn.shown, drawn.weights, drawn.chance))
        source = torch.Generator().manual_seed(seed)
        sizes = torch.arange(1, regions, dtype=torch.float64)
        size = 1 + torch.multinomial(1 / (sizes * (regions - sizes)), 200, replacement=True, generator=source)
        rows = torch.rand(200, regions, generator=source).argsort(1).argsort(1) < size[:, None]
        shown = torch.stack([rows, ~rows], 1).flatten(0, 1)
        theirs.append(squared_error(shown, *torch.ones(2, len(shown), dtype=torch.float64)))
    assert sum(ours) < 1.1 * sum(theirs)


def test_the_constrained_fit_keeps_its_sum() -> None:
    shown = random_inputs(1, (60, 6), dtype=torch.float64)[0] > 0
    values = random_inputs(1, (60,), seed=2, dtype=torch.float64)[0]
    found, _ = constrained(shown.double(), values, *torch.ones(1, 60, dtype=torch.float64), 2.5, torch.full((60,), 0.5))
    assert float(found.sum()) == pytest.approx(2.5)
    # Least squares with the last coefficient put in as what the others leave.
    free = shown[:, :-1].double() - shown[:, -1:].double()
    rest = torch.linalg.lstsq(free, (values - 2.5 * shown[:, -1])[:, None]).solution[:, 0]
    torch.testing.assert_close(found[:-1], rest)


@pytest.mark.parametrize("features", [1, 2, 3, 5])
def test_of_few_features_all_is_seen_and_nothing_left_to_chance(features: int) -> None:
    model = Model("product", Formula(lambda x: (1 + x).prod(1, keepdim=True)), (features,), task="regression")
    one = random_inputs(1, (features,), dtype=torch.float64)
    found, exact = (ex.explain(model, one, name, 0) for name in ("kernel-shap", "shapley"))
    assert_close(found.values, exact.values, 1e-6)
    assert found.error is not None
    assert not found.error.any()
