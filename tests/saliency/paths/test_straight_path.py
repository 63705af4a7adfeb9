"""The straight path from a baseline, and its quadrature."""

from __future__ import annotations

import pytest
import torch

from explainers.saliency.paths._straight_path import gauss_legendre, straight_path
from tests.support.models.networks import assert_close, random_inputs


@pytest.mark.parametrize("steps", [2, 5])
def test_gauss_legendre_is_exact_on_polynomials_of_twice_its_steps(steps):
    alphas, weights = gauss_legendre(torch.zeros(1, dtype=torch.float64), steps)
    for power in range(2 * steps):
        assert float((weights * alphas**power).sum()) == pytest.approx(1 / (power + 1), rel=1e-12)


def test_points_lie_between_the_baseline_and_the_input_of_their_row():
    inputs, baseline = random_inputs(2, (3,), dtype=torch.float64), random_inputs(2, (3,), seed=2, dtype=torch.float64)
    path = straight_path(baseline, torch.tensor([0.0, 0.25, 1.0]).double(), torch.ones(3))
    assert path.count == 3
    points = path.make(inputs[[0, 1, 1]], torch.tensor([0, 1, 1]), torch.tensor([2, 0, 1]))
    expected = torch.stack([inputs[0], baseline[1], 0.75 * baseline[1] + 0.25 * inputs[1]])
    assert_close(points, expected, 1e-12)
