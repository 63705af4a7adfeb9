"""Integrated gradients: the gradient added up along the straight path from a baseline to the input.

Sundararajan, Taly & Yan 2017 (arXiv:1703.01365)."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field
from torch import Tensor

from explainers.core.cost import Cost
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.engine.variant_gradients import summed_gradients
from explainers.inputs.baselines import baseline_for
from explainers.saliency._family import BASELINE_CAVEAT, BaselineOptions, saliency_method, score_difference
from explainers.saliency.paths._straight_path import gauss_legendre, straight_path


class IntegratedGradientsOptions(BaselineOptions):
    steps: int = Field(
        50, ge=2, le=500, description="Points on the path from baseline to input; more close the completeness gap."
    )


def _cost(shape: Sequence[int], options: IntegratedGradientsOptions) -> Cost:
    return Cost(shape[0] * (options.steps + 2), shape[0] * options.steps)


@saliency_method(
    "integrated-gradients",
    options=IntegratedGradientsOptions,
    title="Integrated gradients",
    cost=_cost,
    citation="Sundararajan, Taly & Yan 2017, arXiv:1703.01365",
    shows="How the change of the score from the baseline to this input is shared out among the input values.",
    caveat=BASELINE_CAVEAT + " The straight path runs through pictures the model never saw.",
    expected_sum=score_difference,
)
def integrated_gradients(run: Run, inputs: Tensor, target: Target, options: IntegratedGradientsOptions) -> Tensor:
    """(input - baseline) * mean gradient on the straight path between them, by Gauss-Legendre quadrature; (N, ...)."""
    baseline = baseline_for(run.model, inputs, options.baseline)
    path = straight_path(baseline, *gauss_legendre(inputs, options.steps))
    return (inputs - baseline) * summed_gradients(run, inputs, target, path)
