"""The singular values of a weight tensor, and the power law in the tail of its spectrum.

The eigenvalues of W^T W are the squares of the singular values of W. Their density in a trained layer often falls off
like eigenvalue^-alpha; alpha is fitted as in WeightWatcher: by maximum likelihood, from the x_min whose fit has the
smallest Kolmogorov-Smirnov distance.

Convention for convolutions, (out, in, *kernel): the spectral norm and the stable rank are those of the flattened
(out, in * kernel) matrix, which maps a patch to the outputs. The power law is fitted, as WeightWatcher does, to the
pooled eigenvalues of the (out, in) matrices at the kernel's positions, so that its exponents can be held against
published ones. A convolution in groups is the block matrix that it is: each group maps channels of its own, so the norm is the
largest of the groups' norms and not that of filters that never meet in one input. A depthwise one has a group per channel."""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from threadpoolctl import ThreadpoolController
from torch import Tensor

from explainers.core.errors import VitrineError

Floats = npt.NDArray[np.float64]

CITATIONS: Final = {
    "power law": "Clauset, Shalizi & Newman 2009, SIAM Review 51:661, arXiv:0706.1062",
    "alpha": "Martin, Peng & Mahoney 2021, Nature Communications 12:4122, doi:10.1038/s41467-021-24025-8",
    "stable rank": "Rudelson & Vershynin 2007, Journal of the ACM 54:21, arXiv:math/0503442",
}

FEWEST_EIGENVALUES: Final = 50
"""A fit to fewer is not attempted: the rule of thumb of Clauset et al. (2009), section 3, for a reliable exponent."""

LARGEST_SIDE: Final = 8192
"""A matrix whose smaller side is longer has no spectrum here: it would take minutes and gigabytes."""

_NOISE: Final = float(np.finfo(np.float32).eps)  # weights are stored in float32 or less, whatever computes with them

_FLAT: Final = 1e-4  # mean log(x / x_min) below this (alpha above 10,000): one value repeated, not a power law

_BLOCK: Final = 1 << 20  # elements multiplied at once: 8 MiB in float64

_CACHED: Final = 1 << 15  # elements that stay in a core's cache through many small steps


@dataclass(frozen=True)
class PowerLaw:
    """A density ~ x^-alpha from xmin on.

    Attributes:
        alpha: the exponent; NaN where nothing could be fitted, as `xmin` and `ks` then are.
        xmin: where the tail begins, in units of the data.
        ks: Kolmogorov-Smirnov distance between the tail and its fit, 0 to 1.
        tail: how many values lie in the tail.
    """

    alpha: float = math.nan
    xmin: float = math.nan
    ks: float = math.nan
    tail: int = 0


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The spectrum of a weight tensor.

    Attributes:
        singular_values: (R,), largest first: of the matrix, or of all the kernel positions' matrices of a convolution.
            Those far below 1e-7 of the largest are rounding.
        spectral_norm: largest singular value of the (flattened) matrix.
        stable_rank: ||W||_F^2 / ||W||_2^2 of it, between 1 and its rank; NaN for zeros.
        alpha, xmin, ks, tail: the power law of the eigenvalues, see `PowerLaw`.

    Example:
        >>> import torch
        >>> import explainers as ex
        >>> result = ex.spectrum(torch.eye(8, 4))
        >>> result.singular_values.shape, round(result.spectral_norm, 6), round(result.stable_rank, 6)
        ((4,), 1.0, 4.0)
    """

    singular_values: Floats
    spectral_norm: float
    stable_rank: float
    alpha: float
    xmin: float
    ks: float
    tail: int

    @property
    def eigenvalues(self) -> Floats:
        """Squares of the singular values, largest first: what the power law is fitted to."""
        return self.singular_values**2


def spectrum(tensor: Tensor, groups: int = 1) -> Spectrum | None:
    """The spectrum of a matrix (out, in) or of a convolution's weights (out, in / groups, *kernel).

    Computed on the tensor's own device in float64, from the smaller Gram matrix: many times cheaper than a singular
    value decomposition, and as exact down to about 1e-7 of the largest singular value.

    Args:
        groups: of the convolution.

    Returns:
        None where there is nothing to decompose: a vector, an empty tensor, NaN or Inf in it, or both sides longer
        than LARGEST_SIDE.

    Example:
        >>> import explainers as ex
        >>> weights = dict(ex.load_model("demo:signs-cnn").network.named_parameters())
        >>> ex.spectrum(weights["fc.weight"]).singular_values.shape  # of a matrix 12 x 64
        (12,)
        >>> ex.spectrum(weights["fc.bias"]) is None
        True
    """
    tensor = tensor.detach()
    if tensor.ndim < 2 or tensor.numel() == 0 or min(len(tensor), tensor[0].numel()) > LARGEST_SIDE:
        return None
    if tensor.device.type == "mps":
        tensor = tensor.cpu()  # Apple's GPU has neither float64 nor an eigenvalue solver
    tensor = tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.float()
    largest_weight = max(abs(float(value)) for value in tensor.aminmax())
    if not math.isfinite(largest_weight):
        return None
    # Divided by the largest weight, no square can leave float64; squares of float32 cannot anyway.
    scale = largest_weight if tensor.dtype == torch.float64 and largest_weight > 0 else 1.0
    blocks = tensor.reshape(groups, -1, *tensor.shape[1:])
    grams, flat_grams = _grouped_gram_matrices(blocks, scale) if groups > 1 else _gram_matrices(tensor, scale)
    eigenvalues = np.sort(_eigenvalues(grams).ravel())[::-1]
    largest = float((eigenvalues if len(grams) == 1 else _eigenvalues(flat_grams)).max())
    law = _tail_of(eigenvalues, blocks.shape[1:])
    return Spectrum(
        singular_values=scale * np.sqrt(eigenvalues),
        spectral_norm=scale * math.sqrt(largest),
        stable_rank=float(flat_grams.diagonal(dim1=-2, dim2=-1).sum()) / largest if largest > 0 else math.nan,
        alpha=law.alpha,
        xmin=law.xmin * scale * scale,
        ks=law.ks,
        tail=law.tail,
    )


def _tail_of(eigenvalues: Floats, shape: torch.Size) -> PowerLaw:
    """The power law of eigenvalues, largest first, above mere rounding; none for what is a vector by its shape."""
    if min(shape[:2]) < 2:
        return PowerLaw()
    rounding = (max(shape[:2]) * _NOISE) ** 2 * eigenvalues[0]  # the tolerance of torch.linalg.matrix_rank, squared
    return fit_power_law(eigenvalues[eigenvalues > rounding])


def _gram_matrices(tensor: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Gram matrices (P, s, s) at the P kernel positions of tensor / scale, and the smaller one of it flattened."""
    slices = tensor.flatten(2).movedim(2, 0) if tensor.ndim > 2 else tensor.unsqueeze(0)  # (P, out, in)
    grams = torch.stack([_gram(matrix, scale) for matrix in slices])
    out, incoming = tensor.shape[:2]
    # The flattened matrix has the slices side by side, so its W W^T is the sum of theirs.
    flat = grams.sum(0) if len(slices) == 1 or out <= incoming else _gram(tensor.flatten(1), scale)
    return grams, flat


def _grouped_gram_matrices(blocks: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """The same of every group (G, out / G, in / G, *kernel): (G x P, s, s) and (G, t, t). Groups are small, and many."""
    slices = blocks.flatten(3).movedim(3, 1) if blocks.ndim > 3 else blocks.unsqueeze(1)  # (G, P, out, in)
    return _batched_gram(slices.flatten(0, 1), scale), _batched_gram(blocks.flatten(2), scale)


def _batched_gram(matrices: Tensor, scale: float) -> Tensor:
    rows = (matrices if matrices.shape[1] <= matrices.shape[2] else matrices.mT).double() / scale
    return rows @ rows.mT


def _gram(matrix: Tensor, scale: float) -> Tensor:
    """The smaller of W W^T and W^T W in float64, for W = matrix / scale; in blocks, as W itself may be large."""
    rows = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    gram = torch.zeros(len(rows), len(rows), dtype=torch.float64, device=matrix.device)
    for block in torch.split(rows, max(1, _BLOCK // len(rows)), dim=1):
        block = block.double()
        block = block if scale == 1 else block / scale
        gram.addmm_(block, block.T)
    return gram


def _eigenvalues(grams: Tensor) -> Floats:
    """Eigenvalues of Gram matrices (..., s, s), smallest first; none is negative."""
    if grams.device.type == "cpu":
        with _single_blas_thread():
            eigenvalues = np.linalg.eigvalsh(grams.numpy())
    else:
        eigenvalues = torch.linalg.eigvalsh(grams).cpu().numpy()
    return np.asarray(eigenvalues, np.float64).clip(min=0)


_solving = threading.Lock()


@contextmanager
def _single_blas_thread() -> Iterator[None]:
    """NumPy's linear algebra on one thread, then as before.

    An eigenvalue solver waits at thousands of barriers. Where other work keeps the cores busy, a second thread makes it
    ten times slower; where they are idle, hardly faster. The setting belongs to the process: hence the lock.
    """
    with _solving, _blas().limit(limits=1, user_api="blas"):
        yield


@functools.cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


def fit_power_law(values: npt.ArrayLike, fewest: int = FEWEST_EIGENVALUES) -> PowerLaw:
    """Fit density ~ x^-alpha to the tail of continuous data (Clauset et al. 2009, equations 3.1 and 3.9).

    Every distinct value but the two largest is tried as x_min; the one whose maximum-likelihood fit has the smallest
    Kolmogorov-Smirnov distance wins. Values that are not positive and finite are left out.

    Args:
        values: (N,), in any order.
        fewest: with fewer values than this there is no fit.
    """
    if fewest < 4:
        raise VitrineError(f"A power law needs at least 4 values to choose its x_min from, not fewest={fewest}.")
    x = np.sort(np.asarray(values, np.float64).ravel())
    x = x[np.isfinite(x) & (x > 0)]
    _, starts, place = np.unique(x, return_index=True, return_inverse=True)
    if len(x) < fewest or len(starts) < 4:
        return PowerLaw()
    # Sums of log(x / x_min) over each tail, from the gaps between neighbours: differences of large sums would cancel.
    count = len(x) - np.arange(len(x))
    gaps = np.diff(np.log(x), prepend=np.log(x[0]))
    logs = np.cumsum(gaps)
    excess = np.append(np.cumsum((count * gaps)[:0:-1])[::-1], 0.0) / count
    candidates = starts[:-2]
    candidates = candidates[excess[candidates] > _FLAT]
    if len(candidates) == 0:
        return PowerLaw()
    slope = 1 / excess[candidates]  # alpha - 1
    distances = _ks_distances(logs, starts[place].astype(np.float64), candidates, slope)
    best = int(np.argmin(distances))
    start = int(candidates[best])
    return PowerLaw(1 + float(slope[best]), float(x[start]), float(distances[best]), int(count[start]))


def _ks_distances(logs: Floats, below: Floats, starts: npt.NDArray[np.intp], slope: Floats) -> Floats:
    """Largest |P(X < x) of the fit - of the data| over each tail.

    Args:
        logs: (N,) logarithms of the sorted data.
        below: (N,) how many values lie strictly below each.
        starts, slope: (T,) first index of each tail, ascending, and its alpha - 1.
    """
    distances = np.empty(len(starts))
    rows = max(1, _CACHED // len(logs))
    for begin in range(0, len(starts), rows):
        start, rate = starts[begin : begin + rows, None], slope[begin : begin + rows, None]
        low = int(start[0, 0])
        # Before its own start a tail has log ratio and rank clamped to 0, so fit and data agree there.
        fitted = np.maximum(logs[low:] - logs[start], 0)  # (rows, N - low)
        fitted *= -rate
        np.exp(fitted, out=fitted)
        measured = np.maximum(below[low:] - start, 0)
        measured /= len(logs) - start
        measured += fitted
        measured -= 1
        distances[begin : begin + rows] = np.abs(measured, out=measured).max(1)
    return distances
