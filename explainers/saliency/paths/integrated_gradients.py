"""Integrated gradients: the gradient added up along the straight path from a baseline to the input.

Sundararajan, Taly & Yan 2017 (arXiv:1703.01365)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from explainers.core.cost import Cost
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.engine.variant_gradients import Variants, summed_gradients
from explainers.inputs.baselines import baseline_for
from explainers.saliency._family import AGAINST_BASELINE, BaselineOptions, saliency, score_difference


class IntegratedGradientsOptions(BaselineOptions):
    steps: int = Field(
        50, ge=2, le=500, description="Points on the path from baseline to input; more close the completeness gap."
    )


def _path_cost(shape: Sequence[int], options: IntegratedGradientsOptions) -> Cost:
    return Cost(shape[0] * (options.steps + 2), shape[0] * options.steps)


@saliency(
    "integrated-gradients",
    options=IntegratedGradientsOptions,
    title="Integrated gradients",
    cost=_path_cost,
    citation="Sundararajan, Taly & Yan 2017, arXiv:1703.01365",
    shows="How the change of the score from the baseline to this input is shared out among the input values.",
    caveat=AGAINST_BASELINE + " The straight path runs through pictures the model never saw.",
    expected_sum=score_difference,
)
def integrated_gradients(run: Run, inputs: Tensor, target: Target, options: IntegratedGradientsOptions) -> Tensor:
    """(input - baseline) * mean gradient on the straight path between them, by Gauss-Legendre quadrature; (N, ...)."""
    nodes, weights = np.polynomial.legendre.leggauss(options.steps)
    share = torch.from_numpy((nodes + 1) / 2).to(inputs)
    baseline = baseline_for(run.model, inputs, options.baseline)
    difference = inputs - baseline

    def on_the_path(rows: Tensor, number: Tensor, version: Tensor) -> Tensor:
        return torch.lerp(baseline[number], rows, share[version].view(-1, *[1] * (rows.ndim - 1)))

    variants = Variants(options.steps, on_the_path, torch.from_numpy(weights / 2))
    return difference * summed_gradients(run, inputs, target, variants)
