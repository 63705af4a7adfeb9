"""Ablation-CAM: channels weighted by how far the score falls without them.

Desai & Ramaswamy 2020 (doi:10.1109/WACV45572.2020.9093360). What lies below the layer runs once for a whole chunk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from explainers.core.capabilities import Needs
from explainers.core.cost import Cost
from explainers.core.estimate import Estimate
from explainers.core.options import LayerOptions
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.engine.variant_gradients import scores_with_layer_replaced
from explainers.grad_cam._family import COARSE_CAVEAT
from explainers.grad_cam.masking._family import CUT_LAYER_CAVEAT
from explainers.graph.layers import Layer
from explainers.registry import explainer


def _cost_at(shape: Sequence[int], options: LayerOptions, layer: Layer) -> Cost:
    return Cost(shape[0] * (layer.channels + 1), 0)


@explainer(
    "ablation-cam",
    options=LayerOptions,
    title="Ablation-CAM",
    unit="weighted activation",
    family="cam",
    needs=Needs.LAYERS | Needs.IMAGES,
    cost=lambda shape, options: Cost(shape[0] * 2, 0),
    cost_at=_cost_at,
    citation="Desai & Ramaswamy 2020, doi:10.1109/WACV45572.2020.9093360",
    shows="Channels of the layer added up, each weighted by how far the score falls when that channel is set to zero.",
    caveat=COARSE_CAVEAT + CUT_LAYER_CAVEAT + " Channels that do the same work hide each other.",
    signed=False,
)
def ablation_cam(run: Run, input: Tensor, target: Target, options: LayerOptions) -> Iterator[Estimate]:
    """ReLU(sum_c (y - y_c) A_c), y_c the score without channel c, (h, w).

    The paper divides the weights by y: that scales the whole map, and would turn it round where the score is negative.
    """
    layer = run.layer(options.layer)
    activations = run.activations(input, [layer.name])[0][0]
    order = activations.flatten(1).abs().amax(1).argsort(descending=True, stable=True)  # the strongest first
    count = len(order)

    def ablated(output: Tensor, rows: slice) -> Tensor:
        assert layer.layout is not None
        channel_masks = 1 - F.one_hot(order[rows], count).to(output)
        shape = [len(channel_masks)] + [1] * (output.ndim - 1)
        shape[layer.layout.channel_axis] = count
        return output * channel_masks.view(shape)

    score = run.scores(input, target)
    drops = input.new_zeros(count)
    for rows, ablated_scores in scores_with_layer_replaced(run, input, layer.name, target, count, ablated):
        drops[order[rows]] = score - ablated_scores
        yield Estimate(torch.einsum("c,chw->hw", drops, activations).relu(), rows.stop / count)
