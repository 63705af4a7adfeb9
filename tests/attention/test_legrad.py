"""LeGrad against a slow version, written from its paper."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

import explainers as ex
from tests.support.attention_maps import GRID, TARGET, doubles, every_kind_and_prefix
from tests.support.models.networks import assert_close
from tests.support.models.transformers import slow_gradients_of_blocks, slow_weights_and_gradients, tiny_vit


@every_kind_and_prefix
def test_the_slow_version(prefix: int, kind: type[nn.Module]) -> None:
    """Every block's gradient is that of the score which the head gives to that block's tokens (arXiv:2404.03214)."""
    attribution = ex.explain(tiny_vit(prefix=prefix, kind=kind), doubles(), "legrad", TARGET)
    assert (attribution.cost.forward, attribution.cost.backward) == (2, 2)
    open_network = tiny_vit(prefix=prefix).network
    gradients = [g.numpy() for g in slow_gradients_of_blocks(open_network, doubles(), TARGET)]
    for row in (0, 1):
        layers = [np.maximum(g[row], 0).mean(axis=(0, 1)) for g in gradients]
        expected = np.mean(layers, axis=0)[prefix:].reshape(GRID)
        assert_close(attribution.values[row], torch.from_numpy(expected), 1e-6)


def test_of_a_single_block_it_is_that_of_the_plain_score() -> None:
    model = tiny_vit(depth=1)
    _, (gradient,) = slow_weights_and_gradients(model.network, doubles(), TARGET)
    expected = gradient.relu().mean((1, 2))[:, 1:].reshape(2, *GRID)
    assert_close(ex.explain(model, doubles(), "legrad", TARGET).values, expected, 1e-6)
