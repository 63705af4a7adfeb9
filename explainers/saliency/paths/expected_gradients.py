"""Expected gradients: integrated gradients averaged over many references.

Erion et al. 2019 (arXiv:1906.10670)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor

from explainers.core.cost import Cost
from explainers.core.rng import seeded_generator
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.engine.variant_gradients import Variants, summed_gradients
from explainers.saliency._family import saliency_method
from explainers.saliency._references import (
    REFERENCES_CAVEAT,
    ReferenceOptions,
    draw_references,
    reference_passes,
    score_above_references,
)


class ExpectedGradientsOptions(ReferenceOptions):
    samples: int = Field(
        50, ge=2, le=500, description="Random points between the input and its references, taken in turn."
    )


def _cost(shape: Sequence[int], options: ExpectedGradientsOptions) -> Cost:
    return Cost(shape[0] * (options.samples + 1) + reference_passes(options), shape[0] * options.samples)


def stratified_alphas(options: ExpectedGradientsOptions) -> Tensor:
    """Random places from 0 (the reference) to 1 (the input), (samples,), the references taken in turn.

    Every reference has one in each of equal parts of its own way, in random order: still uniform, with less scatter.
    """
    generator, count = seeded_generator("cpu", options.seed, 1), options.samples
    rounds = -(-count // options.number)
    parts = torch.stack([torch.randperm(rounds, generator=generator) for _ in range(options.number)], 1).flatten()
    return (parts[:count] + torch.rand(count, generator=generator)) / rounds


@saliency_method(
    "expected-gradients",
    options=ExpectedGradientsOptions,
    title="Expected gradients",
    cost=_cost,
    citation="Erion et al. 2019, arXiv:1906.10670",
    shows="Integrated gradients averaged over many references: what sets this input apart from all of them.",
    caveat=REFERENCES_CAVEAT + " It is a sample: another seed gives a slightly different map.",
    expected_sum=score_above_references,
)
def expected_gradients(run: Run, inputs: Tensor, target: Target, options: ExpectedGradientsOptions) -> Tensor:
    """Mean of (input - reference) * d score / d input at random points between the two, (N, ...)."""
    references, count = draw_references(run.model, inputs, options), options.samples
    alphas = stratified_alphas(options).to(inputs)

    def times_difference(gradient: Tensor, input_index: Tensor, variant_index: Tensor) -> Tensor:
        return gradient * (inputs[input_index] - references.pool[references.pool_index(input_index, variant_index)])

    weights = torch.full((count,), 1 / count)
    points = Variants(count, references.interpolations(alphas), weights, times_difference)
    return summed_gradients(run, inputs, target, points)
