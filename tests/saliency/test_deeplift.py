"""DeepLift: complete on small and on real networks, also in half the bits."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
import torchvision

from explainers.api import explain
from explainers.core.model import Model
from tests.support.models.networks import assert_close, lively, random_inputs, small_model
from tests.support.rounding import assert_like_float64


def test_deeplift_is_complete_on_a_relu_network():
    model, inputs = small_model(torch.float64), random_inputs(3, dtype=torch.float64)
    completeness = explain(model, inputs, "deeplift", 2).completeness
    with torch.no_grad():
        difference = model.network(inputs)[:, 2] - model.network(torch.zeros_like(inputs))[:, 2]
    assert_close(completeness.expected, difference, 1e-6)
    assert completeness.expected.abs().min() > 0.01
    assert completeness.relative.max() < 1e-5


@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_0", "mobilenet_v2"])
def test_nothing_is_lost_in_torchvisions_networks(name):
    torch.manual_seed(0)
    shape = (3, 32, 32)
    network = lively(torchvision.models.get_model(name, weights=None, num_classes=10).double(), shape)
    inputs = F.interpolate(random_inputs(1, (3, 8, 8), dtype=torch.float64), shape[1:], mode="bicubic")
    for baseline in ("zero", "blur"):
        result = explain(Model(name, network, shape), inputs, "deeplift", 1, baseline=baseline)
        assert result.completeness.relative.max() < 1e-4


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("baseline", ["zero", "blur"])
def test_half_the_bits_have_the_map_of_float64(baseline, dtype):
    """Where differences are too small for half the bits, or zero."""
    assert_like_float64("deeplift", {"baseline": baseline}, dtype)
