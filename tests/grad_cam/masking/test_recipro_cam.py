"""Recipro-CAM."""

from __future__ import annotations

import torch

from explainers.api import explain
from tests.support.networks import assert_close
from tests.support.worked_example import ACTIVATIONS, PRODUCTS


def test_recipro_cam_is_the_score_of_one_place(weighed):
    alone = explain(weighed, ACTIVATIONS, "recipro-cam", 0, spread=False)
    assert_close(alone.values[0], PRODUCTS, 1e-7)
    assert alone.signed
    # 11/4 - 4/8 + 2/8 + 8/16 = 3; -4/4 + 11/8 + 8/8 + 2/16; 2/4 + 11/8 + 8/8 - 4/16; 8/4 - 4/8 + 2/8 + 11/16
    spread = torch.tensor([[3.0, 1.5], [2.625, 2.4375]])
    assert_close(explain(weighed, ACTIVATIONS, "recipro-cam", 0).values[0], spread, 1e-7)
