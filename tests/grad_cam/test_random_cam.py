"""Random-CAM."""

from __future__ import annotations

import torch

from explainers.api import explain
from explainers.core.rng import seeded_generator
from tests.support.models.networks import assert_close
from tests.support.worked_example import ACTIVATIONS, weighted_channels


def test_random_cam_has_one_weight_per_channel_and_no_target(weighed):
    first, second = 2 * torch.rand(2, generator=seeded_generator("cpu", 4)) - 1
    values = explain(weighed, ACTIVATIONS, "random-cam", 0, seed=4).values
    assert_close(values, weighted_channels(float(first), float(second)), 1e-7)
    assert torch.equal(explain(weighed, ACTIVATIONS, "random-cam", 1, seed=4).values, values)
    maps = [explain(weighed, ACTIVATIONS, "random-cam", 0, seed=seed).values for seed in range(5)]
    assert len({tuple(values.flatten().tolist()) for values in maps}) > 1
