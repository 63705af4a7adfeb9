"""The tiny transformer's attention as NumPy arrays, for slow versions of attention maps that are written from their papers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

import explainers as ex
from tests.support.models.networks import assert_close, random_inputs
from tests.support.models.transformers import MultiHead, SelfAttention, slow_weights_and_gradients, tiny_vit

SHAPE = (3, 16, 24)
GRID = (4, 6)
TARGET = 2
Layers = list[np.ndarray]
"""A matrix (heads, T, T) for every layer."""


def doubles(count: int = 2) -> Tensor:
    """Inputs of the tiny transformer."""
    return random_inputs(count, SHAPE, dtype=torch.float64)


def slow_layers(prefix: int, row: int) -> tuple[Layers, Layers]:
    """Weights and gradients of every layer for one of two inputs."""
    weights, gradients = slow_weights_and_gradients(tiny_vit(prefix=prefix).network, doubles(), TARGET)
    return [w[row].numpy() for w in weights], [g[row].numpy() for g in gradients]


def slow_readout(flow: np.ndarray, prefix: int) -> np.ndarray:
    """The class token's row if there is one, else the mean of all; the columns of the image."""
    read = flow[0] if prefix else flow.mean(0)
    return read[prefix:].reshape(GRID)


every_kind_and_prefix = pytest.mark.parametrize(
    ("kind", "prefix"),
    [(SelfAttention, 0), (SelfAttention, 1), (SelfAttention, 5), (MultiHead, 0), (MultiHead, 1)],
)
"""Attention written in both ways, with no token before the image's, a class token, and registers behind that."""


def assert_slow_version(
    method: str, slow: Callable[[Layers, Layers], np.ndarray], prefix: int, kind: type[torch.nn.Module]
) -> None:
    """The method's maps are what the head reads of `slow(weights, gradients)` -> (T, T); one pass there and back for each input."""
    attribution = ex.explain(tiny_vit(prefix=prefix, kind=kind), doubles(), method, TARGET)
    assert (attribution.cost.forward, attribution.cost.backward) == (2, 2)
    for row in (0, 1):
        expected = slow_readout(slow(*slow_layers(prefix, row)), prefix)
        assert_close(attribution.values[row], torch.from_numpy(expected), 1e-6)
