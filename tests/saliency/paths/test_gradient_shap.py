"""Gradient SHAP: what it is in expectation, and without noise."""

from __future__ import annotations

import math

import torch

from explainers.api import explain
from explainers.core.model import Model
from tests.support.models.networks import Formula, assert_close, fixed_engine, random_inputs, small_model
from tests.support.rounding import FLOAT32


def test_gradient_shap_in_expectation():
    """For f = x^2 from 0: E[(x + n) 2 t (x + n)] = x^2 + sigma^2, with the input's own noise in the difference."""
    squares = Model("squares", Formula(lambda x: (x**2).sum(1, keepdim=True)), (2000,), task="regression")
    point = torch.full((1, 2000), 1.0, dtype=torch.float64)
    point[0, :1000] = 2.0  # the range is 1
    result = explain(squares, point, "gradient-shap", samples=300, noise=0.5, engine=fixed_engine(300))
    means = result.values[0].view(2, 1000).double().mean(1)
    # The 300 points are shared by all features, and so known; what is left to chance is the noise.
    points = torch.rand(300, generator=torch.Generator().manual_seed(0)).double()
    expected = 2 * points.mean() * (torch.tensor([4.0, 1.0]) + 0.5**2)
    # (x + n)^2 has a deviation of 2.1 at 2 and 1.1 at 1; 300 000 draws each, whose weights 2 t have a mean square of 4/3.
    deviation = torch.tensor([2.1, 1.1]) * math.sqrt(4 / 3 / 300_000)
    assert ((means - expected).abs() < 5 * deviation).all()
    assert abs(2 * points.mean() - 1) < 4 / math.sqrt(3 * 300)


def test_gradient_shap_without_noise_is_the_sum_over_its_points():
    product = Model("product", Formula(lambda x: x[:, :1] * x[:, 1:]), (2,), task="regression")
    result = explain(product, torch.tensor([[2.0, 7.0]]), "gradient-shap", samples=100, noise=0, seed=3)
    mean = float(torch.rand(100, generator=torch.Generator().manual_seed(3)).double().mean())
    assert_close(result.values, torch.tensor([[14 * mean, 14 * mean]]), 1e-6)
    assert abs(mean - 0.5) < 4 / math.sqrt(12 * 100)


def test_another_seed_is_another_sample():
    model, inputs = small_model(torch.float64), random_inputs(1)
    first, again, other = (
        explain(model, inputs, "gradient-shap", 0, samples=4, seed=seed).values for seed in (0, 0, 1)
    )
    assert_close(again, first, FLOAT32)
    assert (first - other).abs().max() > 0.01 * first.abs().max()
