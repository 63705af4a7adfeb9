"""Attention step by step: the same numbers as the fused kernels."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from explainers.core.model import Model
from explainers.core.target import ClassTarget
from explainers.engine.engine import engine_for
from explainers.engine.run import Run
from explainers.graph.attention import attention_blocks
from tests.support.models.networks import assert_close, random_inputs, small_cnn
from tests.support.models.transformers import DEPTH, Product, tiny_vit

TRIANGLE = torch.ones(16, 16, dtype=torch.bool).tril()


@pytest.mark.parametrize(
    ("heads", "arguments"),
    [
        (4, {}),
        (4, {"is_causal": True}),
        (4, {"attn_mask": TRIANGLE}),
        (4, {"attn_mask": torch.linspace(-2, 2, 256).view(16, 16), "scale": 0.3}),
        (2, {"enable_gqa": True}),
    ],
)
def test_every_argument_of_the_fused_product_is_honoured(heads, arguments):
    network = Product(heads, **arguments).eval()
    inputs = random_inputs(2)
    run = Run(Model("product", network, (3, 16, 16)), engine_for("cpu"))
    (capture,) = run.attention(inputs, ClassTarget(0))
    with torch.no_grad():
        assert_close(run.outputs(inputs), network(inputs), 1e-5)
    assert capture.weights.shape == (2, 4, 16, 16)
    if "is_causal" in arguments:
        assert not capture.weights[..., ~TRIANGLE].any()


def test_blocks_are_the_repeated_parts_that_hold_the_attention():
    assert attention_blocks(tiny_vit().network) == [f"blocks.{index}" for index in range(DEPTH)]
    assert attention_blocks(nn.Sequential(nn.Linear(2, 2), nn.MultiheadAttention(4, 2))) == ["1"]
    assert attention_blocks(nn.MultiheadAttention(4, 2)) == [""]
    assert attention_blocks(small_cnn()) == []
