"""Eigen-CAM."""

from __future__ import annotations

import math

import torch

from explainers.api import explain
from explainers.core.model import Model
from tests.support.models.networks import assert_close
from tests.support.worked_example import GRADIENTS, Weighed


def test_eigen_cam_by_hand():
    """Channels (7, 4), (6, 5), (4, 1), (3, 2) are (2, 1), (1, 2), (-1, -2), (-2, -1) round their mean (5, 3).

    Their covariance is [[10, 8], [8, 10]], whose first eigenvector is (1, 1) / sqrt(2); the projections on it are
    3, 3, -3 and -3, over sqrt(2).
    """
    inputs = torch.tensor([[[[7.0, 6.0], [4.0, 3.0]], [[4.0, 5.0], [1.0, 2.0]]]], dtype=torch.float64)
    model = Model("weighed", Weighed(GRADIENTS), (2, 2, 2))
    expected = torch.tensor([[[3.0, 3.0], [-3.0, -3.0]]]) / math.sqrt(2)
    for target in (0, 1):
        assert_close(explain(model, inputs, "eigen-cam", target).values, expected, 1e-6)
    assert_close(explain(model, -inputs, "eigen-cam", 0).values, -expected, 1e-6)
