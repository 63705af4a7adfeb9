"""Layer conductance: how much of the change of the score flows through every unit of a layer.

Dhamdhere, Sundararajan & Yan 2018 (arXiv:1805.12233)."""

from __future__ import annotations

import torch
from torch import Tensor

from explainers.core.cost import Cost
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.engine.variant_gradients import variant_captures
from explainers.saliency._family import AGAINST_BASELINE, score_difference
from explainers.saliency.layer._family import CUT, UNITS, LayerPathOptions, layer_method, straight_path


@layer_method(
    "layer-conductance",
    options=LayerPathOptions,
    title="Layer conductance",
    cost=lambda shape, options: Cost(shape[0] * (options.steps + 3), shape[0] * (options.steps + 1)),
    citation="Dhamdhere, Sundararajan & Yan 2018, arXiv:1805.12233",
    shows="How much of the change of the score from the baseline to this input flows through each unit of the layer.",
    caveat=UNITS + " " + AGAINST_BASELINE + CUT,
    expected_sum=score_difference,
)
def layer_conductance(run: Run, inputs: Tensor, target: Target, options: LayerPathOptions) -> Tensor:
    """Integral of d score / d activation over the change of the activation on the straight path of inputs, (N, C, h, w).

    By the trapezoidal rule between neighbouring points of the path: gradients averaged, activations subtracted.
    """
    shares = torch.linspace(0, 1, options.steps + 1).to(inputs)
    path = straight_path(run, inputs, options, shares)
    total: Tensor | None = None
    last: tuple[Tensor, Tensor, Tensor] | None = None  # of the chunk before, whose last point is a neighbour too
    for number, _, capture in variant_captures(run, inputs, options.layer, target, path):
        point = (number, capture.activations, capture.gradients)
        if last is not None:
            point = (
                torch.cat([last[0], point[0]]),
                torch.cat([last[1], point[1]]),
                torch.cat([last[2], point[2]]),
            )
        number, activations, gradients = point
        last = (number[-1:], activations[-1:], gradients[-1:])
        if total is None:
            total = gradients.new_zeros(len(inputs), *gradients.shape[1:])
        shared = (gradients[1:] + gradients[:-1]) / 2 * (activations[1:] - activations[:-1])
        same = (number[1:] == number[:-1]).view(-1, 1, 1, 1)
        total.index_add_(0, number[1:], shared * same)
    assert total is not None
    return total
