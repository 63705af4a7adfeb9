"""How one set of weights differs from another of the same architecture, tensor by tensor."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final

import pandas as pd
import torch
from torch import Tensor, nn

from explainers.core.errors import VitrineError
from explainers.core.fingerprint import tensor_bytes
from explainers.core.model import Model
from explainers.weight_stats.moments import in_blocks, moments
from explainers.weight_stats.table import owner_of

COMPARED: Final = (
    *("tensor", "kind", "status", "shape", "other_shape", "difference_l2", "relative_change", "cosine"),
    *("max_abs_difference", "std_ratio"),
)
"""Columns of `compare`, in order."""


def compare(a: Model, b: Model) -> pd.DataFrame:
    """Tensor by tensor, how the second model differs from the first: parameters and buffers, in network order.

    Columns:
        tensor, kind: its name, and the class of the module it belongs to.
        status: "same" (equal bit for bit), "changed", "shape differs", "only in first" or "only in second".
        shape, other_shape: in the first and in the second; None where it is missing.
        difference_l2, max_abs_difference: ||b - a||_2 and the largest |b - a|, in units of the weights.
        relative_change: ||b - a|| / ||a||; infinite where a is zero and b is not.
        cosine: cosine similarity of a and b; NaN where either is zero.
        std_ratio: std of b over std of a, of their finite values; NaN where a is constant.
        All five are NaN where there is no pair of one shape, and where NaN or Inf is in the way; they are
            0, 0, 1, 0, 1 for "same".

    Raises:
        VitrineError: the two have no tensor's name in common.

    Example:
        >>> import explainers as ex
        >>> table = ex.compare(ex.load_model("demo:signs-cnn"), ex.load_model("demo:signs-shortcut"))
        >>> table["tensor"][0], table["status"][0], table["shape"][0]
        ('stem.conv.weight', 'changed', (16, 3, 3, 3))
    """
    first, second = _tensors(a.network), _tensors(b.network)
    if not first.keys() & second.keys():
        raise VitrineError(
            f"{a.name} and {b.name} have no tensor in common ({_first_names(first)} against {_first_names(second)}); "
            "compare two sets of weights of one architecture."
        )
    names = [*first, *(name for name in second if name not in first)]
    rows = [
        {
            "tensor": name,
            "kind": type(owner_of(a.network if name in first else b.network, name)).__name__,
            **_difference(first.get(name), second.get(name)),
        }
        for name in names
    ]
    return pd.DataFrame(rows, columns=list(COMPARED))


def _tensors(network: nn.Module) -> dict[str, Tensor]:
    return {name: t.detach() for name, t in network.state_dict().items() if isinstance(t, Tensor)}


def _first_names(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:2]) + (", ..." if len(listed) > 2 else "") if listed else "no tensor"


def _difference(a: Tensor | None, b: Tensor | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "shape": None if a is None else tuple(a.shape),
        "other_shape": None if b is None else tuple(b.shape),
    }
    if a is None or b is None:
        return row | {"status": "only in second" if a is None else "only in first"}
    if a.shape != b.shape:
        return row | {"status": "shape differs"}
    if a.numel() == 0 or (a.dtype == b.dtype and tensor_bytes(a) == tensor_bytes(b)):
        equal = {
            "difference_l2": 0.0,
            "relative_change": 0.0,
            "cosine": 1.0,
            "max_abs_difference": 0.0,
            "std_ratio": 1.0,
        }
        return row | {"status": "same"} | equal
    return row | {"status": "changed"} | _change(a.cpu(), b.cpu())


def _change(a: Tensor, b: Tensor) -> dict[str, float]:
    """Distances between two tensors of one shape, neither empty, in float64."""
    parts = []
    for x, y in zip(in_blocks(a), in_blocks(b), strict=True):
        difference = y - x
        largest = torch.linalg.vector_norm(difference, math.inf)
        parts.append(torch.stack([difference.square().sum(), x @ y, largest]))
    squares, products, largest = torch.stack(parts).unbind(1)
    distance, product = float(squares.sum().sqrt()), float(products.sum())
    before, after = moments(a), moments(b)
    return {
        "difference_l2": distance,
        "relative_change": distance / before.l2 if before.l2 else (math.inf if distance else 0.0),
        "cosine": product / (before.l2 * after.l2) if before.l2 and after.l2 else math.nan,
        "max_abs_difference": float(largest.max()),
        "std_ratio": after.std / before.std if before.std else math.nan,
    }
