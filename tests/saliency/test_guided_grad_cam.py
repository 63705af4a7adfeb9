"""Guided Grad-CAM."""

from __future__ import annotations

import torch

from explainers.api import explain
from tests.support.models.networks import assert_close, random_inputs, small_model


def test_it_is_guided_backpropagation_times_grad_cam_enlarged():
    model, inputs = small_model(torch.float64), random_inputs(2)
    result = explain(model, inputs, "guided-grad-cam", 1, layer="norm2")
    cam = explain(model, inputs, "grad-cam", 1, layer="norm2")
    guided = explain(model, inputs, "guided-backprop", 1)
    assert_close(result.values, guided.values * cam.heatmap().unsqueeze(1), 1e-6)
