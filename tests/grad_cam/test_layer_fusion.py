"""Maps of several methods or layers as one."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from explainers.api import explain
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.grad_cam.layer_fusion import fuse
from tests.support.models.networks import assert_close, random_inputs, small_model
from tests.support.worked_example import ACTIVATIONS, GRADIENTS, PRODUCTS, Weighed


def test_fused_maps_by_hand(weighed):
    grad = explain(weighed, ACTIVATIONS, "grad-cam", 0)  # [[0, 1/2], [1, 2]]: [[0, 1/4], [1/2, 1]]
    hires = explain(weighed, ACTIVATIONS, "hires-cam", 0)  # [[11, 0], [2, 8]]: [[1, 0], [2/11, 8/11]]
    mean, largest = fuse([grad, hires]), fuse([grad, hires], how="max")
    assert_close(mean.values[0], torch.tensor([[1 / 2, 1 / 8], [(1 / 2 + 2 / 11) / 2, (1 + 8 / 11) / 2]]), 1e-6)
    assert_close(largest.values[0], torch.tensor([[1, 1 / 4], [1 / 2, 1]]), 1e-6)
    product = fuse([grad, hires], how="product")
    assert_close(product.values[0], torch.tensor([[0, 0], [2 / 22, 8 / 11]]), 1e-6)
    assert mean.method == "grad-cam + hires-cam"
    assert mean.cost.forward == 2


def test_fused_maps_of_layers_have_the_size_of_the_finest():
    maps = explain(small_model(torch.float64), random_inputs(2), "layer-cam", 1, layer=["norm1", "norm2"])
    fused = fuse(maps)
    assert fused.values.shape == (2, 16, 16)
    assert fused.layer == "norm1 + norm2"
    scaled = [m.values / m.values.amax((1, 2), keepdim=True) for m in maps]  # their minimum is zero
    coarse = nn.functional.interpolate(scaled[1][:, None], (16, 16), mode="bilinear", align_corners=False)[:, 0]
    assert all(float(m.values.min()) == 0 for m in maps)
    assert_close(fused.values, (scaled[0] + coarse) / 2, 1e-6)


def test_fused_signed_maps_keep_their_sign_and_zero_maps_count_as_zero(weighed):
    signed = explain(weighed, ACTIVATIONS, "recipro-cam", 0, spread=False)
    assert_close(fuse([signed, signed], "max").values[0], PRODUCTS / 11, 1e-6)
    zero = explain(Model("weighed", Weighed(-GRADIENTS.abs()), (2, 2, 2)), ACTIVATIONS, "grad-cam", 0)
    assert not fuse([zero]).values.any()


def test_what_cannot_be_fused_is_a_sentence(weighed):
    first, other = (explain(weighed, ACTIVATIONS, "grad-cam", target) for target in (0, 1))
    with pytest.raises(VitrineError, match="Only maps"):
        fuse([first, other])
    with pytest.raises(VitrineError, match="nothing to fuse"):
        fuse([])
    with pytest.raises(VitrineError, match='"mean", "max" or "product"'):
        fuse([first], how="median")
    signed = explain(weighed, ACTIVATIONS, "recipro-cam", 0)
    with pytest.raises(VitrineError, match="have no product"):
        fuse([signed, signed], how="product")
