"""XGrad-CAM."""

from __future__ import annotations

import torch

from explainers.api import explain
from tests.support.models.networks import assert_close
from tests.support.worked_example import ACTIVATIONS


def test_channels_whose_activations_sum_to_zero_have_no_weight(weighed):
    inputs = ACTIVATIONS.clone()
    inputs[0, 0] = torch.tensor([[1.0, -1.0], [2.0, -2.0]])
    assert_close(explain(weighed, inputs, "xgrad-cam", 0).values, 7 / 8 * inputs[:, 1], 1e-7)
