"""Which number gets which end of a colour map. One scale given to several pictures makes them comparable."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from explainers.core.attribution import Attribution, Reduce
from explainers.core.errors import VitrineError
from explainers.render.colormaps import Kind

Floats = npt.NDArray[np.floating]
Pixels = npt.NDArray[np.uint8]

Values = Tensor | npt.NDArray[Any]
"""Numbers of a map: (h, w) unless said otherwise."""

SINGLE: Final = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)
"""The least and the largest normal number of float32."""


@dataclass(frozen=True)
class Clipping:
    """What lies beyond the ends of a scale and takes the colour of the end.

    Attributes:
        least, largest: of the values; None where they lie within.
    """

    least: float | None = None
    largest: float | None = None


@dataclass(frozen=True)
class Scale:
    """Which number gets which end of a colour map; values beyond take the colour of the end.

    Attributes:
        low, high: the ends, in units of the map; of a diverging scale they are -x and x, so that zero is the middle.
    """

    low: float
    high: float
    kind: Kind = "sequential"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise VitrineError(f"A scale needs a finite low end below its high end, not {self.low} and {self.high}.")
        if self.kind == "diverging" and self.low != -self.high:
            raise VitrineError(
                f"A diverging scale is symmetric round zero, from -x to x, not {self.low} to {self.high}."
            )

    @classmethod
    def of(cls, maps: Values | Sequence[Values], signed: bool, percentile: float = 99.0) -> Scale:
        """The scale that suits one map, or several of any shapes together.

        Args:
            signed: symmetric round zero and diverging; otherwise sequential, with zero inside or at an end.
            percentile: share of the values, in percent, that must lie within; 100 for all of them. It keeps a few
                extreme pixels from leaving all others in one colour. A map of a hundred cells or fewer keeps its
                true maximum at 99; where the percentile falls on zero, the largest value is taken.
        """
        arrays = [maps] if isinstance(maps, Tensor | np.ndarray) else list(maps)
        flat = [floats(a).ravel() for a in arrays]
        values = flat[0] if len(flat) == 1 else np.concatenate(flat or [np.zeros(0)])
        finite = np.isfinite(values)
        values = values if finite.all() else values[finite]
        if signed:
            high = _robust_maximum(np.abs(values), percentile) or 1.0
            return cls(-high, high, "diverging")
        low, high = min(0.0, _robust_minimum(values, percentile)), max(0.0, _robust_maximum(values, percentile))
        return cls(low, high) if low < high else cls(0.0, 1.0)

    @classmethod
    def of_attribution(cls, attribution: Attribution, reduce: Reduce = "sum") -> Scale:
        """The scale that suits a map as `reduce` folds it, at its own resolution: between its cells no value is larger."""
        signed = attribution.signed and reduce == "sum"
        return cls.of(own_maps(attribution, reduce), signed=signed, percentile=attribution.percentile)

    def clipping(self, values: Values) -> Clipping:
        """What of the values lies beyond the ends."""
        numbers = floats(values)
        finite = numbers[np.isfinite(numbers)]
        if not finite.size:
            return Clipping()
        least, largest = float(finite.min()), float(finite.max())
        # A difference that no colour bar's three digits could show is none.
        slack = 1e-3 * max(abs(self.low), abs(self.high))
        return Clipping(least if least < self.low - slack else None, largest if largest > self.high + slack else None)

    def position(self, values: Values) -> Floats:
        """Where values lie between the ends, 0 to 1; those beyond are at the end, NaN and infinity become NaN."""
        numbers = floats(values)
        # Divided by the larger end first, the ends of no scale overflow or vanish.
        unit = max(abs(self.low), abs(self.high))
        if not SINGLE[0] <= unit <= SINGLE[1]:
            numbers = numbers.astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            share: Floats = np.asarray(numbers / unit)
            share -= self.low / unit
            share /= self.high / unit - self.low / unit
        share.clip(0, 1, out=share)
        share[~np.isfinite(numbers)] = np.nan
        return share

    def strength(self, values: Values) -> Floats:
        """How much values say, 0 to 1: distance from the middle of a diverging scale, from the low end of others."""
        position = self.position(values)
        return np.abs(2 * position - 1) if self.kind == "diverging" else position


def own_maps(attribution: Attribution, reduce: Reduce = "sum") -> Tensor:
    """The maps (N, h, w) at their own resolution, channels folded."""
    height, width = attribution.values.shape[-2:]
    return attribution.heatmap((height, width), reduce)


def _robust_minimum(values: Floats, percentile: float) -> float:
    return float(values.min()) if values.size and percentile == 100 else -_robust_maximum(-values, percentile)


def _robust_maximum(values: Floats, percentile: float) -> float:
    if values.size == 0:
        return 0.0
    if percentile == 100:
        return float(values.max())
    # "higher" is always one of the values: small maps, such as a CAM of 7 x 7, keep their true maximum.
    return float(np.percentile(values, percentile, method="higher")) or float(values.max())


def as_array(values: Values) -> npt.NDArray[np.float64]:
    """A tensor of any dtype and device, or an array, as float64 on the CPU."""
    return values.detach().double().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values, np.float64)


def floats(values: Values) -> Floats:
    """As `as_array`, but float32 stays float32: enough for colours, in half the time."""
    if isinstance(values, Tensor) and values.dtype is torch.float32:
        return values.detach().cpu().numpy()
    return values if isinstance(values, np.ndarray) and values.dtype == np.float32 else as_array(values)
