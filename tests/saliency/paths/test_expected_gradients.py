"""Expected gradients: several references instead of one baseline."""

from __future__ import annotations

import torch

from explainers.api import explain
from explainers.saliency.paths.expected_gradients import ExpectedGradientsOptions, stratified_alphas
from tests.support.models.networks import assert_close, random_inputs, small_model


def test_expected_gradients_against_zeros_are_integrated_gradients():
    model = small_model(torch.float64)
    pair = random_inputs(2, dtype=torch.float64)
    pair[1] = 0
    expected = explain(model, pair, "expected-gradients", 2, references="inputs", number=2, samples=500)
    straight = explain(model, pair[:1], "integrated-gradients", 2, steps=300)
    assert_close(expected.values[:1], straight.values, 2e-2)
    assert abs(float(expected.completeness.gap[0])) < 0.02 * abs(float(expected.completeness.expected[0]))


def test_alphas_are_spread_evenly_over_the_way_of_each_reference():
    alphas = stratified_alphas(ExpectedGradientsOptions(number=3, samples=12))
    for reference in range(3):  # the references are taken in turn: four points each
        assert sorted((4 * alphas[reference::3]).int().tolist()) == [0, 1, 2, 3]
