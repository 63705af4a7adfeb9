"""DeepLift and DeepLift SHAP at a layer."""

from __future__ import annotations

import pytest
import torch

from explainers.api import explain
from tests.support.models.networks import random_inputs, small_model
from tests.support.rounding import assert_like_float64


@pytest.mark.parametrize("layer", ["conv1", "norm1", "conv2", "norm2"])
@pytest.mark.parametrize("method", ["layer-deeplift", "layer-deeplift-shap"])
def test_the_rescale_rule_is_complete_at_every_layer(method, layer):
    model, inputs = small_model(torch.float64), random_inputs(2, dtype=torch.float64)
    result = explain(model, inputs, method, 2, layer=layer)
    assert result.completeness.expected.abs().min() > 0.01
    assert result.completeness.gap.abs().max() < 1e-5 * result.completeness.expected.abs().max()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_the_bits_have_the_map_of_float64(dtype):
    assert_like_float64("layer-deeplift", {"layer": "conv2"}, dtype)
