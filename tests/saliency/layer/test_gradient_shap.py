"""Gradient SHAP at a layer."""

from __future__ import annotations

import pytest
import torch

from explainers.api import explain
from explainers.engine.run import Run
from explainers.saliency._references import draw_references
from explainers.saliency.layer.gradient_shap import LayerGradientShapOptions
from explainers.saliency.paths.expected_gradients import stratified_alphas
from tests.support.models.networks import assert_close, fixed_engine, random_inputs, small_model
from tests.support.models.swin_layers import below_and_above, slope, swin_model


def test_gradient_shap_at_a_layer_against_zeros_is_its_definition():
    """The other input is zero and the only reference: mean slope on the way, at the layer, times the change of its output."""
    model, pair = small_model(torch.float64), random_inputs(2, dtype=torch.float64)
    pair[1] = 0
    result = explain(model, pair, "layer-gradient-shap", 2, layer="norm2", references="inputs", number=2, samples=500)
    influence = explain(model, pair, "internal-influence", 2, layer="norm2", steps=200).values[0]
    activations = Run(model, fixed_engine(8)).activations(pair, ["norm2"])[0]
    expected = influence * (activations[0] - activations[1])
    assert (result.values[0] - expected).abs().max() < 0.02 * expected.abs().max()


@pytest.mark.parametrize("layer", ["features.1", "norm"])
def test_gradient_shap_at_a_layer_with_channels_last_by_the_slow_way(layer):
    swin = swin_model()
    """One point at a time on the ways of the inputs: the slope at the layer, times how far its outputs lie apart."""
    inputs, (below, above) = random_inputs(2, (3, 48, 48), dtype=torch.float64), below_and_above(swin, layer)
    options = LayerGradientShapOptions(number=2, samples=4)
    pool = draw_references(swin, inputs, options).pool
    expected = torch.zeros_like(below(inputs))
    for variant_index, alpha in enumerate(stratified_alphas(options).double()):
        reference = pool[variant_index % 2]
        slopes = slope(above, below(torch.lerp(reference.expand_as(inputs), inputs, alpha)), 4)
        expected += (below(inputs) - below(reference[None])).detach() * slopes / 4
    result = explain(swin, inputs, "layer-gradient-shap", 4, layer=layer, number=2, samples=4, engine=fixed_engine(3))
    assert_close(result.values, expected.permute(0, 3, 1, 2), 1e-6)
