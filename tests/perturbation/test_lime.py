"""LIME's weighted ridge regression: its kernel and its standard errors; its map is compared in tests/peers."""

from __future__ import annotations

import math

import pytest
import torch

from explainers.perturbation.lime import lime_kernel, weighted_ridge
from tests.support.models.networks import random_inputs
from tests.support.regions import joint_score


def test_the_kernel_worked_out_by_hand() -> None:
    """Of four regions one is shown: the cosine with the whole picture is 1 / sqrt(4)."""
    shown = torch.tensor([[1.0, 1, 1, 1], [1, 0, 0, 0]], dtype=torch.float64)
    expected = torch.tensor([1.0, math.sqrt(math.exp(-(0.5**2) / 0.25**2))], dtype=torch.float64)
    torch.testing.assert_close(lime_kernel(shown, 0.25), expected)


def test_too_few_rows_have_no_standard_errors() -> None:
    rows = random_inputs(1, (13, 9), dtype=torch.float64)[0]
    assert weighted_ridge(rows[:, :7], rows[:, 7], rows[:, 8].abs(), 1.0)[1] is None
    assert weighted_ridge(rows[:, :6], rows[:, 7], rows[:, 8].abs(), 1.0)[1] is not None


@pytest.mark.parametrize("rows_per_region", [2, 4, 51])
def test_standard_errors_are_the_spread_over_draws(rows_per_region: int) -> None:
    """Of a score that is no sum of its regions, from as few rows as errors are told of, and from many.

    A spread over 150 draws, pooled over ten coefficients, is known to 2 %; where few rows were fitted, the errors lack a little.
    """
    count, score = 10, joint_score(10)
    fits = []
    for seed in range(150):
        rows = random_inputs(1, (rows_per_region * count, count), seed=seed, dtype=torch.float64)[0]
        shown = (rows > 0).double()
        fits.append(weighted_ridge(shown, score(shown), lime_kernel(shown, 0.25), 1.0))
    values, errors = (torch.stack(list(parts)) for parts in zip(*fits, strict=True))
    ratio = float((errors.square().mean() / values.var(0).mean()).sqrt())
    assert 0.8 < ratio < 1.2, f"standard errors are {ratio:.2f} of the true spread"
