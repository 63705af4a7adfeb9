"""Grad-CAM, also element by element."""

from __future__ import annotations

import torch

from explainers.api import explain
from tests.support.models.networks import assert_close
from tests.support.worked_example import ACTIVATIONS


def test_a_negative_slope_times_a_negative_activation_counts_element_by_element(weighed):
    """Of [[-1, 0], [1, 2]] * A1 and [[2, -4], [-1, 1]] * A2, with both signs turned: LayerCAM takes 2 * -6 and so on."""
    result = explain(weighed, -ACTIVATIONS, "grad-cam-element-wise", 0)
    assert_close(result.values, torch.tensor([[[1.0, 4.0], [1.0, 0.0]]]), 1e-7)
    assert not explain(weighed, -ACTIVATIONS, "layer-cam", 0).values.any()
