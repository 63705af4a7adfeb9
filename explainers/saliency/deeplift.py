"""DeepLift: every activation compared with its value for a baseline, by Captum's rescale rule.

Shrikumar, Greenside & Kundaje 2017 (arXiv:1704.02685)."""

from __future__ import annotations

from collections.abc import Sequence

from captum.attr import DeepLift
from torch import Tensor, nn

from explainers.core.cost import Cost
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.inputs.baselines import baseline_for
from explainers.saliency._captum import attribute_with_captum
from explainers.saliency._deeplift_rules import deeplift_eps
from explainers.saliency._family import BASELINE_CAVEAT, BaselineOptions, saliency_method, score_difference


@saliency_method(
    "deeplift",
    options=BaselineOptions,
    title="DeepLift",
    cost=lambda shape, options: Cost(shape[0] * 4, shape[0] * 2),
    citation="Shrikumar, Greenside & Kundaje 2017, arXiv:1704.02685",
    shows="The change of the score from the baseline to this input, shared out by comparing every activation with its baseline value.",
    caveat=BASELINE_CAVEAT
    + " The rescale rule knows ReLU, sigmoid, tanh, softmax and max pooling; through other non-linearities "
    "(GELU, SiLU, the products in attention) it is the gradient and the completeness gap grows.",
    expected_sum=score_difference,
)
def deeplift(run: Run, inputs: Tensor, target: Target, options: BaselineOptions) -> Tensor:
    """DeepLift's rescale rule, (N, ...), in units of the score. Captum's, on a copy with its own activations; the
    rules for softmax and max pooling are ours."""
    baseline = baseline_for(run.model, inputs, options.baseline)

    def attribute(network: nn.Module, rows: Tensor, row_indices: Sequence[int]) -> Tensor:
        baselines = baseline[row_indices[0] : row_indices[-1] + 1]
        attributions: Tensor = DeepLift(network, eps=deeplift_eps(rows)).attribute(rows, baselines)
        return attributions

    return attribute_with_captum(run, inputs, target, attribute, Cost(2, 2))
