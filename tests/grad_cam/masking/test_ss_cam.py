"""SS-CAM."""

from __future__ import annotations

import torch

from explainers.api import explain
from tests.support.models.networks import assert_close, fixed_engine, random_inputs, small_model


def test_ss_cam_depends_on_its_seed_and_not_on_the_chunks():
    model, inputs = small_model(torch.float64), random_inputs(1)
    first, same, other = (
        explain(model, inputs, "ss-cam", 1, samples=3, seed=seed, engine=fixed_engine(chunk)).values
        for seed, chunk in ((0, 2), (0, 5), (1, 5))
    )
    assert_close(first, same, 1e-6)
    assert (first - other).abs().max() > 1e-3 * first.max()
