"""ShapleyCAM."""

from __future__ import annotations

import torch
from torch import Tensor

from explainers.api import explain
from explainers.core.model import Model
from explainers.core.target import ClassTarget
from tests.support.models.networks import assert_close
from tests.support.worked_example import ACTIVATIONS, BY_HAND, GRADIENTS, Weighed


class Squared(Weighed):
    """The score is the sum of squared activations, each times its weight: its Hessian times A is its gradient."""

    def forward(self, inputs: Tensor) -> Tensor:
        score = (self.maps(inputs).square() * self.weights).flatten(1).sum(1, keepdim=True)
        return torch.cat([score, -2 * score], 1)


def test_shapley_cam_takes_half_the_curvature_away(weighed):
    linear = explain(weighed, ACTIVATIONS, "shapley-cam", 0, residual=False)
    assert_close(linear.values, torch.tensor([BY_HAND["grad-cam"]]), 1e-7)
    squared = Model("squared", Squared(GRADIENTS), (2, 2, 2))
    expected = explain(squared, ACTIVATIONS, "grad-cam", 0).values / 2
    assert_close(explain(squared, ACTIVATIONS, "shapley-cam", 0, residual=False).values, expected, 1e-6)


def test_shapley_cam_of_score_and_log_probability_by_hand(weighed):
    """z = 17 and -34: 2 z0 - logsumexp has the gradient (2 - p0) G + 2 p1 G, p0 = 1 - e^-51: that is G, and no curvature."""
    result = explain(weighed, ACTIVATIONS, "shapley-cam", 0)
    assert_close(result.values, torch.tensor([BY_HAND["grad-cam"]]), 1e-6)
    assert result.target == ClassTarget(0)
    assert float(result.score) == 17.0
