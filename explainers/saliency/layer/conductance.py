"""Layer conductance: how much of the change of the score flows through every unit of a layer.

Dhamdhere, Sundararajan & Yan 2018 (arXiv:1805.12233)."""

from __future__ import annotations

import torch
from torch import Tensor

from explainers.core.cost import Cost
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.engine.variant_gradients import variant_captures
from explainers.inputs.baselines import baseline_for
from explainers.saliency._family import BASELINE_CAVEAT, score_difference
from explainers.saliency.layer._family import (
    LAYER_UNITS_CAVEAT,
    SKIPPED_LAYER_CAVEAT,
    LayerPathOptions,
    layer_method,
)
from explainers.saliency.paths._straight_path import straight_path


@layer_method(
    "layer-conductance",
    options=LayerPathOptions,
    title="Layer conductance",
    cost=lambda shape, options: Cost(shape[0] * (options.steps + 3), shape[0] * (options.steps + 1)),
    citation="Dhamdhere, Sundararajan & Yan 2018, arXiv:1805.12233",
    shows="How much of the change of the score from the baseline to this input flows through each unit of the layer.",
    caveat=LAYER_UNITS_CAVEAT + " " + BASELINE_CAVEAT + SKIPPED_LAYER_CAVEAT,
    expected_sum=score_difference,
)
def layer_conductance(run: Run, inputs: Tensor, target: Target, options: LayerPathOptions) -> Tensor:
    """Integral of d score / d activation over the change of the activation on the straight path of inputs, (N, C, h, w).

    By the trapezoidal rule between neighbouring points of the path: gradients averaged, activations subtracted.
    """
    alphas = torch.linspace(0, 1, options.steps + 1).to(inputs)
    path = straight_path(baseline_for(run.model, inputs, options.baseline), alphas, torch.ones_like(alphas))
    total: Tensor | None = None
    last: tuple[Tensor, Tensor, Tensor] | None = None  # point of the chunk before: a neighbour of this one's first
    for input_index, _, capture in variant_captures(run, inputs, options.layer, target, path):
        points = (input_index, capture.activations, capture.gradients)
        if last is not None:
            points = (
                torch.cat([last[0], points[0]]),
                torch.cat([last[1], points[1]]),
                torch.cat([last[2], points[2]]),
            )
        input_index, activations, gradients = points
        last = (input_index[-1:], activations[-1:], gradients[-1:])
        if total is None:
            total = gradients.new_zeros(len(inputs), *gradients.shape[1:])
        steps = (gradients[1:] + gradients[:-1]) / 2 * (activations[1:] - activations[:-1])
        same_input = (input_index[1:] == input_index[:-1]).view(-1, 1, 1, 1)
        total.index_add_(0, input_index[1:], steps * same_input)
    assert total is not None
    return total
