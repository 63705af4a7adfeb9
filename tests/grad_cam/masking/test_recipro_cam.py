"""Recipro-CAM."""

from __future__ import annotations

import torch

from explainers.api import explain
from explainers.graph.layout import Layout
from tests.support.models.networks import assert_close
from tests.support.worked_example import ACTIVATIONS, PRODUCTS


def test_recipro_cam_is_the_score_of_one_place(weighed):
    alone = explain(weighed, ACTIVATIONS, "recipro-cam", 0, spread=False)
    assert_close(alone.values[0], PRODUCTS, 1e-7)
    assert alone.signed
    # 11/4 - 4/8 + 2/8 + 8/16 = 3; -4/4 + 11/8 + 8/8 + 2/16; 2/4 + 11/8 + 8/8 - 4/16; 8/4 - 4/8 + 2/8 + 11/16
    spread = torch.tensor([[3.0, 1.5], [2.625, 2.4375]])
    assert_close(explain(weighed, ACTIVATIONS, "recipro-cam", 0).values[0], spread, 1e-7)


def test_masks_over_places_leave_other_tokens_alone():
    mask = torch.tensor([[[0.0, 0.5], [0.25, 1.0]]])
    tokens = Layout("tokens", 2, 2, prefix=1).over_places(mask) * torch.ones(1, 5, 3)
    assert tokens[0, :, 1].tolist() == [1, 0, 0.5, 0.25, 1]
    assert torch.equal(Layout("nchw", 2, 2).over_places(mask) * torch.ones(1, 3, 2, 2), mask.expand(1, 3, 2, 2))
    last = Layout("nhwc", 2, 2).over_places(mask) * torch.ones(1, 2, 2, 3)
    assert torch.equal(last[..., 2], mask)
