"""Every parameter tensor in numbers.

It reads weights only: nothing is passed through the network, and nothing in it is touched. The numbers say where to
look; none of them proves a network good or bad."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import pandas as pd
import torch
from torch import Tensor, nn

from explainers.core.model import Model
from explainers.engine.device import choose_device
from explainers.weight_stats.filters import as_filters, count_filters, groups_of, kernel_rank
from explainers.weight_stats.moments import moments, real_values
from explainers.weight_stats.spectral import Spectrum, spectrum

COLUMNS: Final = (
    *("tensor", "kind", "shape", "count", "dtype", "mean", "std", "min", "max", "l1", "l2", "sparsity", "near_zero"),
    *("filters", "dead_filters", "near_duplicate_filters", "nan", "inf", "spectral_norm", "stable_rank"),
    *("alpha", "alpha_xmin", "alpha_tail", "ks_distance", "groups", "kernel_rank"),
)
"""Columns of `weight_stats`, in order."""


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
        groups: how many groups of filters there are, each with input channels of its own; 1 but for grouped convolutions.
        kernel_rank: of a depthwise convolution how many shapes its kernels are made of, see `kernel_rank`; else NaN.
        spectral_norm, stable_rank, alpha, alpha_xmin, alpha_tail, ks_distance: see `Spectrum`; NaN (alpha_tail 0)
            for vectors, for tensors with NaN or Inf, for matrices too small or large, and without `spectra`.

    Args:
        device: where to compute; see `choose_device` for what None means.
        progress: called before every tensor with the share done and the tensor's name; may raise to stop.
        spectra: also decompose the matrices, which takes most of the time.

    Raises:
        VitrineError: the device does not exist here.

    Example:
        >>> import explainers as ex
        >>> table = ex.weight_stats(ex.load_model("demo:diabetes-mlp"))
        >>> list(table["tensor"]), list(table["shape"])
        (['fc1.weight', 'fc1.bias', 'fc2.weight', 'fc2.bias'], [(5, 10), (5,), (1, 5), (1,)])
    """
    compute_device = computing_device(device)
    parameters = list(model.network.named_parameters())
    total, done = sum(tensor.numel() for _, tensor in parameters), 0
    rows = []
    with torch.no_grad():
        for name, tensor in parameters:
            if progress is not None:
                progress(done / max(1, total), name)
            rows.append(_row(name, tensor.detach().to(compute_device), owner_of(model.network, name), spectra))
            done += tensor.numel()
    if progress is not None:
        progress(1.0, f"{len(rows)} tensors")
    return pd.DataFrame(rows, columns=list(COLUMNS))


def computing_device(device: torch.device | str | None) -> torch.device:
    """The device that computes the statistics."""
    preferred = choose_device(device)
    if preferred.type == "mps" and device is None:
        return torch.device("cpu")  # no float64 and no eigenvalues on Apple's GPU
    return preferred


def owner_of(network: nn.Module, name: str) -> nn.Module:
    """The module that a parameter or buffer belongs to."""
    return network.get_submodule(name.rpartition(".")[0])


def _row(name: str, tensor: Tensor, owner: nn.Module, spectra: bool) -> dict[str, Any]:
    tensor_moments = moments(tensor)
    filters = as_filters(tensor, owner)
    groups = _groups(tensor, owner)
    counts = count_filters(filters, groups)
    row_spectrum = spectrum(real_values(filters), groups) if spectra else None
    return {
        "tensor": name,
        "kind": type(owner).__name__,
        "shape": tuple(tensor.shape),
        "count": tensor.numel(),
        "dtype": str(tensor.dtype).removeprefix("torch."),
        **vars(tensor_moments),
        "filters": counts.filters,
        "dead_filters": counts.dead,
        "near_duplicate_filters": counts.near_duplicate,
        "spectral_norm": math.nan if row_spectrum is None else row_spectrum.spectral_norm,
        "stable_rank": math.nan if row_spectrum is None else row_spectrum.stable_rank,
        "alpha": math.nan if row_spectrum is None else row_spectrum.alpha,
        "alpha_xmin": math.nan if row_spectrum is None else row_spectrum.xmin,
        "alpha_tail": 0 if row_spectrum is None else row_spectrum.tail,
        "ks_distance": math.nan if row_spectrum is None else row_spectrum.ks,
        "groups": groups,
        "kernel_rank": kernel_rank(filters) if groups > 1 and filters.shape[1] == 1 else math.nan,
    }


def _groups(tensor: Tensor, owner: nn.Module) -> int:
    """Of a tensor of filters; its biases have none."""
    return groups_of(owner) if tensor.ndim >= 3 else 1


def tensor_spectrum(model: Model, name: str) -> Spectrum | None:
    """The spectrum of one of a model's parameters, as its row of `weight_stats` has it; None where it has none.

    Example:
        >>> import explainers as ex
        >>> ex.tensor_spectrum(ex.load_model("demo:signs-cnn"), "fc.weight").singular_values.shape
        (12,)
    """
    tensor, owner = model.network.get_parameter(name).detach(), owner_of(model.network, name)
    return spectrum(real_values(as_filters(tensor, owner)), _groups(tensor, owner))
