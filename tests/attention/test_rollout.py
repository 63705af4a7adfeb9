"""Rollout, plain and weighted by gradients, against a slow version in NumPy and a case worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import explainers as ex
from explainers.core.model import Model
from tests.support.attention_maps import (
    TARGET,
    Layers,
    assert_slow_version,
    doubles,
    every_kind_and_prefix,
    slow_layers,
    slow_readout,
)
from tests.support.models.networks import assert_close, random_inputs
from tests.support.models.transformers import tiny_vit


def slow_rollout(fused: Layers, residual: float = 0.5, discard: float = 0.0) -> np.ndarray:
    product = np.eye(len(fused[0]))
    for weights in fused:
        remaining = weights.copy()
        for entry in np.argsort(remaining, axis=None)[: int(remaining.size * discard)]:
            remaining.flat[entry] = 0
        mixed = (1 - residual) * remaining + residual * np.eye(len(remaining))
        for i in range(len(mixed)):
            mixed[i] /= mixed[i].sum()
        product = mixed @ product
    return product


@every_kind_and_prefix
def test_the_slow_version(prefix: int, kind: type[nn.Module]) -> None:
    def slow(weights: Layers, gradients: Layers) -> np.ndarray:
        return slow_rollout([layer.mean(0) for layer in weights])

    assert_slow_version("rollout", slow, prefix, kind)


@every_kind_and_prefix
def test_the_slow_version_weighted_by_gradients(prefix: int, kind: type[nn.Module]) -> None:
    def slow(weights: Layers, gradients: Layers) -> np.ndarray:
        return slow_rollout([np.maximum((w * g).mean(0), 0) for w, g in zip(weights, gradients, strict=True)])

    assert_slow_version("gradient-rollout", slow, prefix, kind)


@pytest.mark.parametrize("fusion", ["mean", "max", "min"])
def test_options(fusion: str) -> None:
    weights, _ = slow_layers(1, 0)
    fused = [getattr(np, fusion)(layer, axis=0) for layer in weights]
    expected = slow_readout(slow_rollout(fused, 0.25, 0.6), 1)
    attribution = ex.explain(tiny_vit(), doubles(1), "rollout", TARGET, fusion=fusion, residual=0.25, discard=0.6)
    assert_close(attribution.values[0], torch.from_numpy(expected), 1e-6)


class Given(nn.Module):
    """Two layers whose attention weights are given, and a class token that is read; nothing else happens."""

    def __init__(self, layers: list[list[list[float]]]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(GivenAttention(torch.tensor(layer).double()) for layer in layers)

    def forward(self, x: Tensor) -> Tensor:
        pixels = x.mean(1).flatten(1)
        tokens = torch.cat([pixels.mean(1, keepdim=True), pixels], 1).unsqueeze(2)
        for layer in self.layers:
            tokens = layer(tokens)
        return tokens[:, 0]


class GivenAttention(nn.Module):
    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.logits = nn.Parameter(weights.log())

    def forward(self, x: Tensor) -> Tensor:
        return self.logits.expand(len(x), 1, -1, -1).softmax(-1)[:, 0] @ x


FIRST = [[0.2, 0.5, 0.1, 0.1, 0.1], [0.4, 0.6, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1]]
SECOND = [[0, 0.5, 0.5, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1]]


def test_rollout_worked_out_by_hand() -> None:
    """Half of A and half of I: the class token's row of the second layer is (1/2, 1/4, 1/4, 0, 0).

    The first layer's rows 0, 1 and 2 become (0.6, 0.25, 0.05, 0.05, 0.05), (0.2, 0.8, 0, 0, 0) and (0, 0, 1, 0, 0).
    """
    model = Model("given", Given([FIRST, SECOND]), (3, 2, 2))
    image = random_inputs(1, (3, 2, 2), dtype=torch.float64)
    expected = [0.5 * 0.25 + 0.25 * 0.8, 0.5 * 0.05 + 0.25, 0.5 * 0.05, 0.5 * 0.05]
    assert_close(ex.explain(model, image, "rollout", 0).values, torch.tensor(expected).view(1, 2, 2), 1e-6)
    # No shortcut: half of row 1 and half of row 2 of the first layer.
    without_shortcut = ex.explain(model, image, "rollout", 0, residual=0.0).values
    assert_close(without_shortcut, torch.tensor([0.3, 0.5, 0.0, 0.0]).view(1, 2, 2), 1e-6)
