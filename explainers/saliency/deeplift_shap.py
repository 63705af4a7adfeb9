"""DeepLift SHAP: DeepLift averaged over many references.

Lundberg & Lee 2017 (arXiv:1705.07874)."""

from __future__ import annotations

from collections.abc import Sequence

from captum.attr import DeepLift
from torch import Tensor, nn

from explainers.core.cost import Cost
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.saliency._captum import attribute_with_captum
from explainers.saliency._deeplift_rules import smallest_change
from explainers.saliency._family import saliency
from explainers.saliency._references import (
    AGAINST_REFERENCES,
    ReferenceOptions,
    above_references,
    draw_references,
    reference_passes,
)


def deeplift_shap_cost(shape: Sequence[int], options: ReferenceOptions) -> Cost:
    pairs = shape[0] * options.number
    return Cost(shape[0] + 2 * pairs + reference_passes(options), 2 * pairs)


@saliency(
    "deeplift-shap",
    options=ReferenceOptions,
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
