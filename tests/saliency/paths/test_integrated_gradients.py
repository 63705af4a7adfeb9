"""Integrated gradients: exact where the integral is known, and complete."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explainers.api import explain
from explainers.core.model import Model
from tests.support.models.networks import Formula, assert_close, random_inputs, small_model


@given(
    a=st.floats(-10, 10).filter(lambda x: abs(x) > 1e-3),
    b=st.floats(-10, 10).filter(lambda x: abs(x) > 1e-3),
    steps=st.integers(2, 20),
)
@settings(max_examples=25, deadline=None)
def test_integrated_gradients_of_a_product_share_it_equally(a, b, steps):
    """f = a b has the known answer (a b / 2, a b / 2); Gauss-Legendre is exact on its linear gradient."""
    product = Model("product", Formula(lambda x: x[:, :1] * x[:, 1:]), (2,), task="regression")
    result = explain(product, torch.tensor([[a, b]], dtype=torch.float64), "integrated-gradients", steps=steps)
    assert_close(result.values, torch.tensor([[a * b / 2, a * b / 2]]), 1e-6)
    assert float(result.completeness.gap.abs()) <= 1e-5 * abs(a * b)


def test_integrated_gradients_close_their_gap_with_more_steps():
    model, inputs = small_model(torch.float64), random_inputs(3, dtype=torch.float64)
    gaps = [
        float(explain(model, inputs, "integrated-gradients", 1, steps=steps).completeness.gap.abs().max())
        for steps in (2, 20, 200)
    ]
    assert gaps[0] > 5 * gaps[1]
    assert gaps[1] > 2 * gaps[2]
    assert gaps[2] < 1e-3


def test_completeness_is_measured_against_the_baseline_asked_for():
    model, inputs = small_model(torch.float64), random_inputs(2, dtype=torch.float64)
    result = explain(model, inputs, "integrated-gradients", 0, steps=100, baseline="white")
    with torch.no_grad():
        difference = model.network(inputs)[:, 0] - model.network(torch.ones_like(inputs))[:, 0]
    assert_close(result.completeness.expected, difference, 1e-6)
    assert_close(result.values.flatten(1).sum(1), difference, 1e-2)
