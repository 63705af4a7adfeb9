"""How far rounding may take maps apart, and networks in half the bits beside the same weights in float64."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from explainers.api import explain
from explainers.core.model import Model
from tests.support.models.networks import random_inputs, small_cnn

FLOAT32 = 1e-6
"""Of float64 passes alone: attributions are kept in float32, a few of whose roundings this is."""

ROUNDINGS = 12
"""Relative error of a map, in units of the dtype's eps: a dozen steps forward and as many back, half an eps each."""


def halved_and_exact(dtype: torch.dtype, seed: int = 0) -> tuple[Model, Model]:
    """A small network in `dtype`, and the same weights in float64."""
    halved = small_cnn(seed=seed).to(dtype)
    exact = deepcopy(halved).double()
    return Model("halved", halved, (3, 16, 16)), Model("exact", exact, (3, 16, 16))


def inputs_for(dtype: torch.dtype) -> Tensor:
    """Three inputs that `dtype` holds without rounding; half of the last one is zero, as its baseline."""
    inputs = random_inputs(3).to(dtype).float()
    inputs[2, :, :8] = 0
    return inputs


def assert_like_float64(method: str, options: dict[str, Any], dtype: torch.dtype) -> None:
    """The map in half the bits differs from that in float64 by rounding alone."""
    result, expected = (
        explain(model, inputs_for(dtype), method, 2, **options).values.double() for model in halved_and_exact(dtype)
    )
    error = float((result - expected).norm() / expected.norm())
    eps = torch.finfo(dtype).eps
    assert error <= ROUNDINGS * eps, f"off by {error / eps:.1f} eps"
