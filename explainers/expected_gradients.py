"""Many references instead of one baseline: expected gradients and DeepLift SHAP."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from captum.attr import DeepLift
from pydantic import Field
from torch import Tensor, nn

from explainers.core.attribution import Cost
from explainers.core.captum_adapter import attribute_with_captum
from explainers.core.deeplift_rules import smallest_change
from explainers.core.references import ReferenceOptions, above_references, draw_references, reference_passes
from explainers.core.rng import seeded_generator
from explainers.core.run import Run
from explainers.core.target import Target
from explainers.core.variant_gradients import Variants, summed_gradients
from explainers.saliency import saliency

AGAINST_REFERENCES = (
    "It is measured against the references, which decide what counts as nothing to see. Published are samples of the "
    "training data; here they are random colours (of a vector, standard normal draws), or the other inputs given, "
    "because the training data are not at hand."
)


class ExpectedGradientsOptions(ReferenceOptions):
    samples: int = Field(
        50, ge=2, le=500, description="Random points between the input and its references, taken in turn."
    )


def _expected_cost(shape: Sequence[int], options: ExpectedGradientsOptions) -> Cost:
    return Cost(shape[0] * (options.samples + 1) + reference_passes(options), shape[0] * options.samples)


def points_on_the_ways(options: ExpectedGradientsOptions) -> Tensor:
    """Shares of the way from a reference to the input, (samples,), the references taken in turn.

    Every reference has its points in equal parts of its own way, in random order: still uniform, with less scatter.
    """
    source, count = seeded_generator("cpu", options.seed, 1), options.samples
    rounds = -(-count // options.number)
    parts = torch.stack([torch.randperm(rounds, generator=source) for _ in range(options.number)], 1).flatten()
    return (parts[:count] + torch.rand(count, generator=source)) / rounds


@saliency(
    "expected-gradients",
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
    share = points_on_the_ways(options).to(inputs)

    def times_difference(gradient: Tensor, number: Tensor, version: Tensor) -> Tensor:
        return gradient * (inputs[number] - drawn.pool[drawn.of(number, version)])

    return summed_gradients(
        run, inputs, target, Variants(count, drawn.on_the_way(share), torch.full((count,), 1 / count), times_difference)
    )


def deeplift_shap_cost(shape: Sequence[int], options: ReferenceOptions) -> Cost:
    pairs = shape[0] * options.number
    return Cost(shape[0] + 2 * pairs + reference_passes(options), 2 * pairs)


@saliency(
    "deeplift-shap",
    title="DeepLift SHAP",
    cost=deeplift_shap_cost,
    citation="Lundberg & Lee 2017, arXiv:1705.07874",
    shows="DeepLift averaged over many references: the change of the score from the average reference to this input, shared "
    "out by comparing every activation with its values there.",
    caveat=AGAINST_REFERENCES
    + " As for DeepLift, what is no ReLU, sigmoid, tanh, softmax or max pooling is passed by its "
    "gradient, and the completeness gap grows.",
    expected_sum=above_references,
)
def deeplift_shap(run: Run, inputs: Tensor, target: Target, options: ReferenceOptions) -> Tensor:
    """Mean over the references of DeepLift's rescale rule, (N, ...), in units of the score."""
    drawn = draw_references(run.model, inputs, options)
    chosen = drawn.chosen.flatten()

    def work(network: nn.Module, rows: Tensor, numbers: Sequence[int]) -> Tensor:
        values: Tensor = DeepLift(network, eps=smallest_change(rows)).attribute(
            rows, drawn.pool[chosen[numbers[0] : numbers[-1] + 1]]
        )
        return values

    pairs = attribute_with_captum(run, inputs, target, work, Cost(2, 2), copies=options.number)
    return pairs.view(len(inputs), options.number, *inputs.shape[1:]).mean(1)
