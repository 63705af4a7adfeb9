"""CAM proper."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from explainers.api import explain
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.target import ChannelTarget, ClassTarget, ContrastTarget
from tests.support.models.networks import assert_close, random_inputs, small_model


def pooled(seed: int = 0) -> Model:
    torch.manual_seed(seed)
    body = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU())
    network = nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4)).double()
    return Model("pooled", network.eval(), (3, 8, 8))


@pytest.mark.parametrize("target", [ClassTarget((1, 3)), ContrastTarget((1, 3), 0)], ids=["class", "contrast"])
def test_cam_is_made_of_the_heads_own_weights(target):
    model, inputs = pooled(), random_inputs(2, (3, 8, 8))
    result = explain(model, inputs, "cam", target)
    places = result.values[0].numel()
    assert_close(result.values, explain(model, inputs, "hires-cam", target).values * places, 1e-6)
    assert (result.cost.forward, result.cost.backward) == (2, 0)


def test_cams_mean_is_the_score_less_the_bias_where_nothing_speaks_against():
    model = pooled()
    head = model.network[3]
    head.weight.data.abs_()
    result = explain(model, random_inputs(2, (3, 8, 8)), "cam", 1)
    assert_close(result.values.mean((1, 2)), result.score - head.bias[1].detach(), 1e-6)


def test_cam_is_refused_where_the_head_does_more():
    with pytest.raises(VitrineError, match="needs a network that ends in global average pooling and one linear layer"):
        explain(small_model(), random_inputs(1), "cam", 0)
    with pytest.raises(VitrineError, match=r"not layer '0\.0'"):
        explain(pooled(), random_inputs(1, (3, 8, 8)), "cam", ChannelTarget("0.0", 1))
