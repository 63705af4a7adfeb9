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
from explainers.saliency._family import saliency
from explainers.saliency._references import (
    AGAINST_REFERENCES,
    ReferenceOptions,
    above_references,
    draw_references,
    reference_passes,
)


class ExpectedGradientsOptions(ReferenceOptions):
    samples: int = Field(
        50, ge=2, le=500, description="Random points between the input and its references, taken in turn."
    )


def _expected_cost(shape: Sequence[int], options: ExpectedGradientsOptions) -> Cost:
    return Cost(shape[0] * (options.samples + 1) + reference_passes(options), shape[0] * options.samples)


def shares_of_the_way(options: ExpectedGradientsOptions) -> Tensor:
    """Shares of the way from a reference to the input, (samples,), the references taken in turn.

    Every reference has its points in equal parts of its own way, in random order: still uniform, with less scatter.
    """
    source, count = seeded_generator("cpu", options.seed, 1), options.samples
    rounds = -(-count // options.number)
    parts = torch.stack([torch.randperm(rounds, generator=source) for _ in range(options.number)], 1).flatten()
    return (parts[:count] + torch.rand(count, generator=source)) / rounds


@saliency(
    "expected-gradients",
    options=ExpectedGradientsOptions,
    title="Expected gradients",
    cost=_expected_cost,
    citation="Erion et al. 2019, arXiv:1906.10670",
    shows="Integrated gradients averaged over many references: what sets this input apart from all of them.",
    caveat=AGAINST_REFERENCES + " It is a sample: another seed gives a slightly different map.",
    expected_sum=above_references,
)
def expected_gradients(run: Run, inputs: Tensor, target: Target, options: ExpectedGradientsOptions) -> Tensor:
    """Mean of (input - reference) * d score / d input at random points between the two, (N, ...)."""
    drawn, count = draw_references(run.model, inputs, options), options.samples
    share = shares_of_the_way(options).to(inputs)

    def times_difference(gradient: Tensor, number: Tensor, version: Tensor) -> Tensor:
        return gradient * (inputs[number] - drawn.pool[drawn.of(number, version)])

    return summed_gradients(
        run, inputs, target, Variants(count, drawn.on_the_way(share), torch.full((count,), 1 / count), times_difference)
    )
