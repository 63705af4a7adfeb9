"""IS-CAM."""

from __future__ import annotations

import torch

from explainers.api import explain
from tests.support.models.networks import assert_close
from tests.support.worked_example import ACTIVATIONS, weighted_channels


def test_is_cam_averages_over_strengths(weighed):
    """Of 4 steps the strengths are 1/4, 3/4, 6/4, 10/4: 5/4 on average, and this score is linear in the input."""
    first, second = (torch.tensor([8.0, 11 - 1 / 3]).double() * 5 / 4).softmax(0).tolist()
    assert_close(explain(weighed, ACTIVATIONS, "is-cam", 0, steps=4).values, weighted_channels(first, second), 1e-7)
