"""HiResCAM."""

from __future__ import annotations

import torch
from torch import nn

from explainers.api import explain
from explainers.core.model import Model
from tests.support.models.networks import assert_close, random_inputs


def test_hires_cam_shares_out_the_score_of_a_pooled_linear_head():
    """Its maps sum up to the score less the bias where nothing is negative: that is its promise."""
    torch.manual_seed(0)
    convolution = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU())
    head = nn.Linear(6, 2)
    head.weight.data.abs_()
    network = nn.Sequential(convolution, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head).double()
    result = explain(Model("pooled", network, (3, 8, 8)), random_inputs(2), "hires-cam", 1)
    assert result.layer == "0"
    assert_close(result.values.flatten(1).sum(1), result.score - head.bias[1].detach(), 1e-6)
