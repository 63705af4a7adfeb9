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
from explainers.saliency._deeplift_rules import deeplift_eps
from explainers.saliency._family import saliency_method
from explainers.saliency._references import (
    REFERENCES_CAVEAT,
    ReferenceOptions,
    draw_references,
    reference_passes,
    score_above_references,
)


def deeplift_shap_cost(shape: Sequence[int], options: ReferenceOptions) -> Cost:
    pairs = shape[0] * options.number
    return Cost(shape[0] + 2 * pairs + reference_passes(options), 2 * pairs)


@saliency_method(
    "deeplift-shap",
    options=ReferenceOptions,
    title="DeepLift SHAP",
    cost=deeplift_shap_cost,
    citation="Lundberg & Lee 2017, arXiv:1705.07874",
    shows="DeepLift averaged over many references: the change of the score from the average reference to this input, shared "
    "out by comparing every activation with its values there.",
    caveat=REFERENCES_CAVEAT
    + " As for DeepLift, what is no ReLU, sigmoid, tanh, softmax or max pooling is passed by its "
    "gradient, and the completeness gap grows.",
    expected_sum=score_above_references,
)
def deeplift_shap(run: Run, inputs: Tensor, target: Target, options: ReferenceOptions) -> Tensor:
    """Mean over the references of DeepLift's rescale rule, (N, ...), in units of the score."""
    references = draw_references(run.model, inputs, options)
    pool_indices = references.indices.flatten()

    def attribute(network: nn.Module, rows: Tensor, row_indices: Sequence[int]) -> Tensor:
        baselines = references.pool[pool_indices[row_indices[0] : row_indices[-1] + 1]]
        attributions: Tensor = DeepLift(network, eps=deeplift_eps(rows)).attribute(rows, baselines)
        return attributions

    pairs = attribute_with_captum(run, inputs, target, attribute, Cost(2, 2), repeats=options.number)
    return pairs.view(len(inputs), options.number, *inputs.shape[1:]).mean(1)
