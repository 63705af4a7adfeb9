"""KernelSHAP: what it makes of coalitions' scores."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from explainers.api import explain
from explainers.core.model import Model
from explainers.perturbation._kernel_shap_sampling import draw_coalitions
from explainers.perturbation.kernel_shap import constrained_least_squares
from explainers.perturbation.shapley import exact_shapley_values
from tests.support.models.networks import Formula, assert_close, random_inputs, small_model
from tests.support.regions import every_coalition, joint_score


def ones(count: int) -> Tensor:
    return torch.ones(count, dtype=torch.float64)


def test_the_constrained_fit_keeps_its_sum() -> None:
    shown = random_inputs(1, (60, 6), dtype=torch.float64)[0] > 0
    values = random_inputs(1, (60,), seed=2, dtype=torch.float64)[0]
    coefficients, _ = constrained_least_squares(shown.double(), values, ones(60), 2.5, torch.full((60,), 0.5))
    assert float(coefficients.sum()) == pytest.approx(2.5)
    # Least squares with the last coefficient put in as what the others leave.
    free = shown[:, :-1].double() - shown[:, -1:].double()
    expected = torch.linalg.lstsq(free, (values - 2.5 * shown[:, -1])[:, None]).solution[:, 0]
    torch.testing.assert_close(coefficients[:-1], expected)


@pytest.mark.parametrize("share", [1.0, 0.5], ids=["all pairs", "half of the pairs"])
@pytest.mark.parametrize("rows_per_region", [4, 102])
def test_standard_errors_are_the_spread_over_draws(rows_per_region: int, share: float) -> None:
    """Of a score that is no sum of its regions, from as few rows as errors are told of, and from nearly all; also on the way.

    A spread over 150 draws, pooled over ten coefficients, is known to 2 %; where few rows were fitted, errors that leave
    every pair out once are too large.
    """
    count, score = 10, joint_score(10)
    total = float(score(torch.ones(1, count, dtype=torch.float64))[0])
    fits = []
    for seed in range(150):
        drawn = draw_coalitions(count, min(round(rows_per_region * count / 2 / share), 510), seed)
        rows = round(len(drawn.shown) * share / 2) * 2
        shown, weights, probabilities = (part[:rows] for part in (drawn.shown, drawn.weights, drawn.probabilities))
        fits.append(
            constrained_least_squares(shown.double(), score(shown.double()), weights, total, probabilities * share)
        )
    values, errors = (torch.stack(list(parts)) for parts in zip(*fits, strict=True))
    ratio = float((errors.square().mean() / values.var(0).mean()).sqrt())
    assert 0.8 < ratio < (1.5 if rows_per_region == 4 else 1.2), f"standard errors are {ratio:.2f} of the true spread"


def test_too_few_rows_have_no_standard_errors_unless_all_were_certain() -> None:
    shown = draw_coalitions(4, 7, 0).shown.double()
    for probability, has_error in ((0.5, False), (1.0, True)):
        _, error = constrained_least_squares(shown, shown[:, 0], ones(14), 1.0, probability * ones(14))
        assert (error is not None) == has_error


def test_half_the_pictures_do_that_pairs_drawn_with_replacement_take() -> None:
    """Of a score of which a third is no sum of its regions; the coalitions drawn as Covert & Lee have it, from as many again."""
    regions, seeds = 12, 60
    every = every_coalition(regions)
    alone, *joint = random_inputs(1, (7, regions), dtype=torch.float64)[0]
    scores = every @ alone + sum(1.5 * torch.tanh(2 * (every - 0.5) @ weights) for weights in joint)
    truth = exact_shapley_values(scores)
    bits = 2 ** torch.arange(regions)

    def squared_error(shown: Tensor, weights: Tensor, probabilities: Tensor) -> float:
        values = scores[shown.long() @ bits] - scores[0]
        total = float(scores[-1] - scores[0])
        coefficients, _ = constrained_least_squares(shown.double(), values, weights, total, probabilities)
        return float((coefficients - truth).square().sum())

    ours, theirs = [], []
    for seed in range(seeds):
        drawn = draw_coalitions(regions, 100, seed)
        ours.append(squared_error(drawn.shown, drawn.weights, drawn.probabilities))
        generator = torch.Generator().manual_seed(seed)
        sizes = torch.arange(1, regions, dtype=torch.float64)
        size = 1 + torch.multinomial(1 / (sizes * (regions - sizes)), 200, replacement=True, generator=generator)
        rows = torch.rand(200, regions, generator=generator).argsort(1).argsort(1) < size[:, None]
        shown = torch.stack([rows, ~rows], 1).flatten(0, 1)
        theirs.append(squared_error(shown, ones(len(shown)), ones(len(shown))))
    assert sum(ours) < 1.1 * sum(theirs)


def test_it_is_exact_where_every_combination_fits() -> None:
    model, image = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    options = {"segments": "grid", "regions": 6, "fill": "blur"}
    exact = explain(model, image, "shapley", 2, **options)
    enumerated = explain(model, image, "kernel-shap", 2, samples=62, **options)
    assert_close(enumerated.values, exact.values, 1e-6)
    assert enumerated.error is not None
    assert not enumerated.error.any()


@pytest.mark.parametrize("features", [1, 2, 3, 5])
def test_of_few_features_all_is_seen_and_nothing_left_to_chance(features: int) -> None:
    model = Model("product", Formula(lambda x: (1 + x).prod(1, keepdim=True)), (features,), task="regression")
    vector = random_inputs(1, (features,), dtype=torch.float64)
    enumerated, exact = (explain(model, vector, name, 0) for name in ("kernel-shap", "shapley"))
    assert_close(enumerated.values, exact.values, 1e-6)
    assert enumerated.error is not None
    assert not enumerated.error.any()
