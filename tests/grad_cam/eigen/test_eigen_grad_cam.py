"""EigenGradCAM."""

from __future__ import annotations

import torch

from explainers.api import explain
from explainers.grad_cam._principal_component import principal_map
from tests.support.models.networks import assert_close, random_inputs, small_model


def test_it_is_the_principal_component_of_activation_times_gradient():
    model, inputs = small_model(torch.float64), random_inputs(2)
    products = explain(model, inputs, "layer-gradient-x-activation", 1, layer="norm2").values.double()
    assert_close(explain(model, inputs, "eigen-grad-cam", 1, layer="norm2").values, principal_map(products), 1e-5)
