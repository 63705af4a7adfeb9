"""SESS: the windows, and the map put together of them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from explainers.api import explain
from explainers.saliency.sess import SessOptions, windows
from tests.support.models.networks import assert_close, random_inputs, small_model
from tests.support.rounding import assert_like_float64


def test_sess_of_the_whole_picture_alone_is_its_cam_from_0_to_1():
    model, inputs = small_model(torch.float64), random_inputs(2)
    cams = explain(model, inputs, "layer-cam", 1, layer="norm2").values
    enlarged = nn.functional.interpolate(cams[:, None], (16, 16), mode="bilinear", align_corners=False)[:, 0]
    low, high = enlarged.amin((1, 2), keepdim=True), enlarged.amax((1, 2), keepdim=True)
    options = {"base": "layer-cam", "layer": "norm2", "scales": 1, "smooth": False}
    result = explain(model, inputs, "sess", 1, **options)
    assert_close(result.values, (enlarged - low) / (high - low), 1e-6)
    assert (result.cost.forward, result.cost.backward) == (2 * 3, 2)


def test_windows_cover_every_size_side_by_side():
    covering = windows(10, 20, SessOptions(scales=3, growth=0.5))
    assert [(w.size, w.top, w.left) for w in covering] == [
        ((10, 20), 0, 0),
        *[((15, 30), top, left) for top in (0, 5) for left in (0, 10)],
        *[((20, 40), top, left) for top in (0, 10) for left in (0, 20)],
    ]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_the_bits_have_the_map_of_float64(dtype):
    assert_like_float64("sess", {"scales": 2}, dtype)
