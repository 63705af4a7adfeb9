"""How long the statistics of a network's weights will take."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch

from explainers.core.cost import Cost
from explainers.core.model import Model
from explainers.weight_stats.moments import moments
from explainers.weight_stats.spectral import LARGEST_SIDE, spectrum
from explainers.weight_stats.table import computing_device

_VALUES: Final = 1 << 19  # of the vector that is measured
_SIDE: Final = (
    384  # of the square matrix that is measured: large enough for the pace of large ones, a few hundredths of a second
)
_LONG: Final = 16  # times that side is the other one, where products and not decompositions take the time


@dataclass(frozen=True)
class _Pace:
    """Seconds of one unit of each kind of work on this machine."""

    value: float  # of a tensor
    product: float  # of two numbers, in a Gram matrix
    decomposed: float  # cubed side of a Gram matrix


def estimate_weight_stats(model: Model, device: torch.device | str | None = None) -> Cost:
    """What `weight_stats` would take: no passes, and seconds from how fast this device has worked on small matrices.

    The first estimate on a device measures that, for a few tenths of a second.

    Args:
        device: as in `weight_stats`.

    Raises:
        VitrineError: the device does not exist here.

    Example:
        >>> import explainers as ex
        >>> small = ex.estimate_weight_stats(ex.load_model("demo:diabetes-mlp"))
        >>> large = ex.estimate_weight_stats(ex.load_model("demo:signs-cnn"))
        >>> small.forward, 0 < small.seconds < large.seconds
        (0, True)
    """
    pace = _measured(computing_device(device))
    seconds = 0.0
    for tensor in model.network.parameters():
        seconds += pace.value * tensor.numel()
        if tensor.ndim < 2 or tensor.numel() == 0:
            continue
        short, long = sorted(tensor.shape[:2])
        if short > LARGEST_SIDE:
            continue
        positions = tensor[0, 0].numel()
        seconds += positions * (pace.product * short * short * long + pace.decomposed * short**3)
    return Cost(seconds=seconds)


@functools.cache
def _measured(device: torch.device) -> _Pace:
    generator = torch.Generator().manual_seed(0)
    square, wide = (torch.randn(_SIDE, _SIDE * times, generator=generator).to(device) for times in (1, _LONG))
    vector = torch.randn(_VALUES, generator=generator).to(device)
    value = _seconds(lambda: moments(vector)) / _VALUES
    # Both take a product and a decomposition; they differ in how long the product is.
    of_square, of_wide = _seconds(lambda: spectrum(square)), _seconds(lambda: spectrum(wide))
    cube = float(_SIDE**3)
    product = max(0.0, of_wide - of_square) / ((_LONG - 1) * cube)
    return _Pace(value, product, max(0.0, of_square / cube - product))


def _seconds(work: Callable[[], object]) -> float:
    """The shorter of two runs: the first also pays for what is loaded then."""
    times = []
    for _ in range(2):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)
