"""Grad-CAM++."""

from __future__ import annotations

from explainers.api import explain
from explainers.core.model import Model
from tests.support.models.networks import assert_close
from tests.support.worked_example import ACTIVATIONS, GRADIENTS, W2, Weighed


def test_channels_without_gradient_have_no_weight():
    gradients = GRADIENTS.clone()
    gradients[0] = 0
    model = Model("weighed", Weighed(gradients), (2, 2, 2))
    assert_close(explain(model, ACTIVATIONS, "grad-cam++", 0).values, W2 * ACTIVATIONS[:, 1], 1e-7)
