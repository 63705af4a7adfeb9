"""Gradient SHAP: gradients at random points between a baseline and noisy copies of the input.

Lundberg & Lee 2017 (arXiv:1705.07874)."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from explainers.core.cost import Cost
from explainers.core.rng import seeded_noise
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.engine.variant_gradients import Variants, summed_gradients
from explainers.inputs.baselines import baseline_for
from explainers.inputs.noise import noise_deviation
from explainers.saliency._family import BASELINE_CAVEAT, BaselineOptions, saliency_method, score_difference


class GradientShapOptions(BaselineOptions):
    samples: int = Field(25, ge=2, le=500, description="Random points between baseline and input that are averaged.")
    noise: float = Field(
        0.1, ge=0, le=1, description="Standard deviation of the noise on the input, as a share of its range."
    )
    seed: int = Field(0, ge=0, description="Seed of the noise and of the points.")


@saliency_method(
    "gradient-shap",
    options=GradientShapOptions,
    title="Gradient SHAP",
    cost=lambda shape, options: Cost(shape[0] * (options.samples + 2), shape[0] * options.samples),
    citation="Lundberg & Lee 2017, arXiv:1705.07874",
    shows="An average of gradients at random points between the baseline and noisy copies of the input, times their difference.",
    caveat=BASELINE_CAVEAT + " It is a sample: another seed gives a slightly different map.",
    expected_sum=score_difference,
)
def gradient_shap(run: Run, inputs: Tensor, target: Target, options: GradientShapOptions) -> Tensor:
    """Mean of (noisy input - baseline) * d score / d input at random points between the two, (N, ...)."""
    deviation = noise_deviation(inputs, options.noise)
    baseline = baseline_for(run.model, inputs, options.baseline)
    alphas = torch.rand(options.samples, generator=torch.Generator().manual_seed(options.seed)).to(inputs)

    def noisy(input_index: Tensor, variant_index: Tensor) -> Tensor:
        rows = inputs[input_index]
        return torch.addcmul(rows, seeded_noise(rows, options.seed, variant_index), deviation[input_index])

    def interpolate(rows: Tensor, input_index: Tensor, variant_index: Tensor) -> Tensor:
        alpha = alphas[variant_index].view(-1, *[1] * (rows.ndim - 1))
        return torch.lerp(baseline[input_index], noisy(input_index, variant_index), alpha)

    def times_difference(gradient: Tensor, input_index: Tensor, variant_index: Tensor) -> Tensor:
        return gradient * (noisy(input_index, variant_index) - baseline[input_index])

    weights = torch.full((options.samples,), 1 / options.samples)
    return summed_gradients(run, inputs, target, Variants(options.samples, interpolate, weights, times_difference))
