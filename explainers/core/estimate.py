"""Maps in the making: methods that can be looked at, stopped and continued at any time."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field
from torch import Tensor

from explainers.core.options import Options


@dataclass(frozen=True)
class Estimate:
    """What a method has of one input's map so far.

    Attributes:
        values: the map, (h, w) or (F,).
        share: of the work done, up to 1.
        error: standard error of the values, of their shape; None where the method is no sample, or knows none.
    """

    values: Tensor
    share: float
    error: Tensor | None = None

    @property
    def reliability(self) -> float | None:
        """Share of the map's variation from place to place that is not sampling noise, 0 to 1.

        As in classical test theory: the expected correlation of this map with one from other draws.
        """
        return None if self.error is None else reliability(self.values, self.error)


def reliability(values: Tensor, error: Tensor) -> float:
    """1 - mean(error^2) / variance(values), not below 0; 0 where the map is constant."""
    # Apple's GPUs have no float64.
    variance = float(values.cpu().double().var(correction=0))
    noise = float(error.cpu().double().square().mean())
    return max(0.0, 1 - noise / variance) if variance > 0 else 0.0


class SampledOptions(Options):
    """Options of methods that draw samples."""

    seed: int = Field(0, ge=0, description="Seed of the draws.")
    reliability: float = Field(
        1.0, ge=0.5, le=1,
        description="Stop as soon as this share of the map's variation is not sampling noise; 1 uses every sample.",
    )  # fmt: skip
