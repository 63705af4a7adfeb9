"""Transformer attribution against a slow version in NumPy, written from its paper."""

from __future__ import annotations

import numpy as np
from torch import nn

from tests.support.attention_maps import Layers, assert_slow_version, every_kind_and_prefix
from tests.support.models.transformers import HEADS


def slow_relevance(weights: Layers, gradients: Layers) -> np.ndarray:
    """Equations 5 and 6 of arXiv:2103.15679: A = E_h((G * A)+), R = R + A R, head by head and entry by entry."""
    tokens = weights[0].shape[-1]
    relevance = np.eye(tokens)
    for weight, gradient in zip(weights, gradients, strict=True):
        step = np.zeros((tokens, tokens))
        for head in range(HEADS):
            step += np.maximum(weight[head] * gradient[head], 0) / HEADS
        relevance = relevance + np.array([[step[i] @ relevance[:, j] for j in range(tokens)] for i in range(tokens)])
    return relevance - np.eye(tokens)


@every_kind_and_prefix
def test_the_slow_version(prefix: int, kind: type[nn.Module]) -> None:
    assert_slow_version("transformer-attribution", slow_relevance, prefix, kind)
