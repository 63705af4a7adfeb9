"""SmoothGrad and its moments: gradients averaged under noise."""

from __future__ import annotations

import math

import pytest
import torch

from explainers.api import explain
from explainers.core.model import Model
from explainers.core.rng import seeded_noise
from explainers.inputs.noise import noise_deviation
from tests.support.models.networks import Formula, Linear, assert_close, fixed_engine, random_inputs, small_model
from tests.support.rounding import FLOAT32
from tests.support.worked_example import LINEAR_POINT, LINEAR_WEIGHTS


def test_smoothgrad_of_a_cube_is_raised_by_the_variance_of_the_noise():
    """E[3 (x + n)^2] = 3 (x^2 + sigma^2), and sigma is the share times the range of the input."""
    cubes = Model("cubes", Formula(lambda x: (x**3).sum(1, keepdim=True)), (2000,), task="regression")
    point = torch.full((1, 2000), 0.5, dtype=torch.float64)
    point[0, :1000] = 1.5  # the range is 1
    result = explain(cubes, point, "smoothgrad", samples=200, noise=0.3, engine=fixed_engine(200))
    means = result.values[0].view(2, 1000).double().mean(1)
    expected = 3 * (torch.tensor([1.5, 0.5]) ** 2 + 0.3**2)
    # 200 000 draws each; the deviation of 3 (x + n)^2 is below 3.2.
    assert (means - expected).abs().max() < 5 * 3.2 / math.sqrt(200_000)


def test_another_seed_is_another_sample():
    model, inputs = small_model(torch.float64), random_inputs(1)
    first, again, other = (explain(model, inputs, "smoothgrad", 0, samples=4, seed=seed).values for seed in (0, 0, 1))
    assert_close(again, first, FLOAT32)
    assert (first - other).abs().max() > 0.01 * first.abs().max()


def noisy_gradients(model: Model, inputs: torch.Tensor, index: int, samples: int) -> torch.Tensor:
    """Gradients at our noisy copies, one by one: (samples, N, ...)."""
    gradients = []
    for variant_index in range(samples):
        noise = seeded_noise(inputs, 0, torch.full((len(inputs),), variant_index))
        copy = (inputs + noise_deviation(inputs, 0.2) * noise).requires_grad_()
        gradients.append(torch.autograd.grad(model.network(copy)[:, index].sum(), copy)[0])
    return torch.stack(gradients)


def test_both_are_moments_of_the_gradient():
    model, inputs = small_model(torch.float64), random_inputs(3, dtype=torch.float64)
    gradients = noisy_gradients(model, inputs, 1, samples=5)
    options = {"samples": 5, "noise": 0.2}
    squared, varied = explain(model, inputs, ["smoothgrad-squared", "vargrad"], 1, **options)
    assert_close(squared.values, gradients.square().mean(0), 1e-6)
    assert_close(varied.values, gradients.var(0, correction=0), 1e-6)
    smooth = explain(model, inputs, "smoothgrad", 1, **options)
    assert_close(varied.values + smooth.values.square(), squared.values, 1e-5)
    assert not squared.signed
    assert squared.values.min() >= 0 <= varied.values.min()


def test_a_slope_that_is_the_same_everywhere_does_not_vary():
    linear = Model("linear", Linear(LINEAR_WEIGHTS), (3,))
    squared, varied = explain(linear, LINEAR_POINT, ["smoothgrad-squared", "vargrad"], 0, samples=4)
    assert_close(squared.values, LINEAR_WEIGHTS[:, 0].square().unsqueeze(0), 1e-6)
    assert not varied.values.any()


def test_a_small_variance_of_a_large_slope_keeps_its_digits():
    """1e4 x + x^2 / 2 has the slope 1e4 + x: in float32 the difference of the two moments would be all rounding."""
    model = Model("steep", Formula(lambda x: (1e4 * x + x.square() / 2).sum(1, True), torch.float32), (2000,))
    model = Model("steep", model.network, (2000,), task="regression")
    point = torch.cat([torch.zeros(1, 1000), torch.ones(1, 1000)], 1)  # a range of 1
    varied = explain(model, point, "vargrad", samples=20, noise=0.5).values
    noise = torch.cat([seeded_noise(point, 0, torch.tensor([variant_index])) for variant_index in range(20)]) * 0.5
    assert float(varied.mean()) == pytest.approx(float(noise.var(0, correction=0).mean()), rel=2e-2)
