"""CAMs without gradients: what they share."""

from __future__ import annotations

import math

import pytest
import torch

from explainers.api import explain, refine
from explainers.registry import find_method
from tests.support.models.networks import assert_close, fixed_engine, random_inputs, small_model
from tests.support.worked_example import ACTIVATIONS


@pytest.mark.parametrize("method", ["score-cam", "ablation-cam", "recipro-cam"])
def test_estimates_end_in_the_map(method):
    model, inputs = small_model(torch.float64), random_inputs(1)
    estimates = list(refine(model, inputs, method, 1, engine=fixed_engine(3)))
    shares = [estimate.share for estimate in estimates]
    assert len(estimates) > 2
    assert shares == sorted(set(shares))
    assert shares[-1] == 1
    assert_close(estimates[-1].values, explain(model, inputs, method, 1).values, 1e-6)


def test_a_channel_that_is_constant_masks_everything(weighed):
    inputs = ACTIVATIONS.clone()
    inputs[0, 1] = 3.0
    # The second mask is zero, and so is its score. The first: -1 x 0 + 0 / 3 + 3 x 2/3 + 8 of its own channel, and
    # 3 x (-4 / 3 - 2/3 + 1) of the other.
    first, second = torch.tensor([10.0 - 3.0, 0.0]).double().softmax(0).tolist()
    expected = first * inputs[:, 0] + second * inputs[:, 1]
    assert_close(explain(weighed, inputs, "score-cam", 0).values, expected, 1e-7)


def test_cost_depends_on_the_layer():
    """Found out before the work: the progress bar knows the channels."""
    shares: list[float] = []
    cost = explain(small_model(), random_inputs(2), "score-cam", 1, progress=lambda s, w: shares.append(s)).cost
    assert find_method("score-cam").cost_at is not None
    assert cost.forward == 2 * (8 + 1)
    assert shares[-1] == 1
    assert shares == sorted(shares)
    assert math.isclose(shares[1] * 18 % 1, 0, abs_tol=1e-9)
