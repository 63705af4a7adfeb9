"""Weight statistics: every parameter tensor in numbers, what looks unhealthy about it, and how it changed.

It reads weights only: nothing is passed through the network, and nothing in it is touched. The numbers say where to
look; none of them proves a network good or bad.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, Final

import pandas as pd
import torch
from torch import Tensor, nn

from explainers.core.device import choose_device
from explainers.core.errors import VitrineError
from explainers.core.fingerprint import tensor_bytes
from explainers.core.health import HealthFinding, health
from explainers.core.model import Model
from explainers.core.moments import as_filters, count_filters, histogram, in_blocks, moments, real_values
from explainers.core.spectrum import CITATIONS, Spectrum, spectrum

__all__ = [
    "CITATIONS",
    "COLUMNS",
    "HealthFinding",
    "Spectrum",
    "compare",
    "first_layer_filters",
    "health",
    "histogram",
    "spectrum",
    "weight_stats",
]

COLUMNS: Final = (
    *("tensor", "kind", "shape", "count", "dtype", "mean", "std", "min", "max", "l1", "l2", "sparsity", "near_zero"),
    *("filters", "dead_filters", "near_duplicate_filters", "nan", "inf", "spectral_norm", "stable_rank"),
    *("alpha", "alpha_xmin", "alpha_tail", "ks_distance"),
)
"""Columns of `weight_stats`, in order."""

COMPARED: Final = (
    *("tensor", "kind", "status", "shape", "other_shape", "difference_l2", "relative_change", "cosine"),
    *("max_abs_difference", "std_ratio"),
)
"""Columns of `compare`, in order."""


def weight_stats(
    model: Model,
    device: torch.device | str | None = None,
    progress: Callable[[float, str], None] | None = None,
    spectra: bool = True,
) -> pd.DataFrame:
    """A row per parameter tensor, in network order; a tensor that two layers share has one row.

    Columns:
        tensor, kind: the parameter's name, and the class of the module it belongs to.
        shape, count, dtype: a tuple, the number of weights, a name such as "float32".
        mean, std, min, max, l1, l2, sparsity, near_zero, nan, inf: see `Moments`; NaN and Inf are left out of the
            moments.
        filters, dead_filters, near_duplicate_filters: see `count_filters`; 0 for vectors.
        spectral_norm, stable_rank, alpha, alpha_xmin, alpha_tail, ks_distance: see `Spectrum`; NaN (alpha_tail 0)
            for vectors, for tensors with NaN or Inf, for matrices too small or large, and without `spectra`.

    Args:
        device: where to compute; see `choose_device` for what None means.
        progress: called before every tensor with the share done and the tensor's name; may raise to stop.
        spectra: also decompose the matrices, which takes most of the time.

    Raises:
        VitrineError: the device does not exist here.
    """
    place = choose_device(device)
    if place.type == "mps" and device is None:
        place = torch.device("cpu")  # no float64 and no eigenvalues on Apple's GPU
    parameters = list(model.network.named_parameters())
    total, done = sum(tensor.numel() for _, tensor in parameters), 0
    rows = []
    with torch.no_grad():
        for name, tensor in parameters:
            if progress is not None:
                progress(done / max(1, total), name)
            rows.append(_row(name, tensor.detach().to(place), _owner(model.network, name), spectra))
            done += tensor.numel()
    if progress is not None:
        progress(1.0, f"{len(rows)} tensors")
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _owner(network: nn.Module, name: str) -> nn.Module:
    """The module that a parameter or buffer belongs to."""
    return network.get_submodule(name.rpartition(".")[0])


def _row(name: str, tensor: Tensor, owner: nn.Module, spectra: bool) -> dict[str, Any]:
    found = moments(tensor)
    filters = as_filters(tensor, owner)
    counts = count_filters(filters)
    shape = spectrum(real_values(filters)) if spectra else None
    return {
        "tensor": name,
        "kind": type(owner).__name__,
        "shape": tuple(tensor.shape),
        "count": tensor.numel(),
        "dtype": str(tensor.dtype).removeprefix("torch."),
        **vars(found),
        "filters": counts.filters,
        "dead_filters": counts.dead,
        "near_duplicate_filters": counts.near_duplicate,
        "spectral_norm": math.nan if shape is None else shape.spectral_norm,
        "stable_rank": math.nan if shape is None else shape.stable_rank,
        "alpha": math.nan if shape is None else shape.alpha,
        "alpha_xmin": math.nan if shape is None else shape.xmin,
        "alpha_tail": 0 if shape is None else shape.tail,
        "ks_distance": math.nan if shape is None else shape.ks,
    }


def first_layer_filters(model: Model) -> tuple[str, Tensor] | None:
    """Name and weights (K, C, h, w), float32 on the CPU, of the first 2-d convolution; None if there is none.

    The first in the order of definition, which for torchvision's networks is the one that sees the image.
    """
    for name, module in model.network.named_modules():
        if isinstance(module, nn.Conv2d):
            return name or type(module).__name__, module.weight.detach().to("cpu", torch.float32, copy=True)
    return None


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
    """
    first, second = _tensors(a.network), _tensors(b.network)
    if not first.keys() & second.keys():
        raise VitrineError(
            f"{a.name} and {b.name} have no tensor in common ({_few(first)} against {_few(second)}); "
            "compare two sets of weights of one architecture."
        )
    names = [*first, *(name for name in second if name not in first)]
    rows = [
        {
            "tensor": name,
            "kind": type(_owner(a.network if name in first else b.network, name)).__name__,
            **_difference(first.get(name), second.get(name)),
        }
        for name in names
    ]
    return pd.DataFrame(rows, columns=list(COMPARED))


def _tensors(network: nn.Module) -> dict[str, Tensor]:
    return {name: t.detach() for name, t in network.state_dict().items() if isinstance(t, Tensor)}


def _few(names: Iterable[str]) -> str:
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
        farthest = torch.linalg.vector_norm(difference, math.inf)
        parts.append(torch.stack([difference.square().sum(), x @ y, farthest]))
    squares, products, farthest = torch.stack(parts).unbind(1)
    distance, product = float(squares.sum().sqrt()), float(products.sum())
    before, after = moments(a), moments(b)
    return {
        "difference_l2": distance,
        "relative_change": distance / before.l2 if before.l2 else (math.inf if distance else 0.0),
        "cosine": product / (before.l2 * after.l2) if before.l2 and after.l2 else math.nan,
        "max_abs_difference": float(farthest.max()),
        "std_ratio": after.std / before.std if before.std else math.nan,
    }
