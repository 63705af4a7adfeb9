"""Noisy copies of inputs: the same noise for the same seed, whatever the chunk."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from explainers.core.options import Options
from explainers.core.rng import seeded_noise
from explainers.engine.variant_gradients import Variants


class NoisyCopiesOptions(Options):
    samples: int = Field(25, ge=2, le=500, description="Noisy copies whose gradients are averaged.")
    noise: float = Field(
        0.15, gt=0, le=1, description="Standard deviation of the noise, as a share of the input's range."
    )
    seed: int = Field(0, ge=0, description="Seed of the noise.")


def noisy_copies(inputs: Tensor, options: NoisyCopiesOptions) -> Variants:
    """SmoothGrad's noisy copies of every input, each with the same weight."""
    deviation = noise_deviation(inputs, options.noise)

    def noisy(rows: Tensor, input_index: Tensor, variant_index: Tensor) -> Tensor:
        return torch.addcmul(rows, seeded_noise(rows, options.seed, variant_index), deviation[input_index])

    return Variants(options.samples, noisy, torch.full((options.samples,), 1 / options.samples))


def noise_deviation(inputs: Tensor, share: float) -> Tensor:
    """`share` of each input's range (largest minus smallest value), (N, 1, ...)."""
    flat = inputs.flatten(1)
    return ((flat.amax(1) - flat.amin(1)) * share).view(-1, *[1] * (inputs.ndim - 1))
