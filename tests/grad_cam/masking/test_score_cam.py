"""Score-CAM."""

from __future__ import annotations

import torch

from explainers.api import explain
from tests.support.models.networks import assert_close
from tests.support.worked_example import ACTIVATIONS, weighted_channels


def test_score_cam_weighs_channels_by_the_scores_of_masked_inputs(weighed):
    """The masks are [[0, 1/3], [2/3, 1]] and [[1, 1/6], [1/6, 0]]: scores 0 - 4/3 + 4/3 + 8 and 11 - 4/6 + 2/6 + 0."""
    first, second = torch.tensor([8.0, 11 - 1 / 3]).double().softmax(0).tolist()
    assert_close(explain(weighed, ACTIVATIONS, "score-cam", 0).values, weighted_channels(first, second), 1e-7)
    assert_close(explain(weighed, ACTIVATIONS, "ss-cam", 0, noise=0).values, weighted_channels(first, second), 1e-7)
