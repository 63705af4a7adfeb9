"""Gradient × activation at a layer."""

from __future__ import annotations

import torch

from explainers.api import explain
from tests.support.models.networks import assert_close, random_inputs, small_model


def test_channels_add_up_to_hires_cam_before_its_relu():
    model, inputs = small_model(torch.float64), random_inputs(2)
    result = explain(model, inputs, "layer-gradient-x-activation", 1, layer="norm2")
    assert result.values.min() < 0 < result.values.max()
    hires = explain(model, inputs, "hires-cam", 1, layer="norm2")
    assert_close(result.values.sum(1).relu(), hires.values, 1e-6)
