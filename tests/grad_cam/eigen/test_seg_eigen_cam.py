"""Seg-Eigen-CAM."""

from __future__ import annotations

import numpy as np
import torch

from explainers.api import explain
from tests.support.models.networks import assert_close
from tests.support.worked_example import ACTIVATIONS


def test_seg_eigen_cam_is_turned_by_its_farthest_value(weighed):
    """|G| * A: channels (1, 12), (0, 4), (3, 1), (8, 0); farthest from their mean are the 12 of the first place."""
    products = torch.stack([torch.tensor([1.0, 0, 3, 8]), torch.tensor([12.0, 4, 1, 0])]).double()
    centred = products - products.mean(1, keepdim=True)
    _, _, right = np.linalg.svd(centred.T.numpy())
    expected = centred.T @ torch.from_numpy(right[0])
    expected = expected * expected[expected.abs().argmax()].sign()
    assert_close(explain(weighed, ACTIVATIONS, "seg-eigen-cam", 0).values, expected.view(1, 2, 2), 1e-6)
