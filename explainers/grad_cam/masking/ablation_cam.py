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
from explainers.grad_cam._family import COARSE
from explainers.grad_cam.masking._family import UNSEEN
from explainers.graph.layers import Layer
from explainers.registry import explainer


def _channels_cost(shape: Sequence[int], options: LayerOptions, layer: Layer) -> Cost:
    return Cost(shape[0] * (layer.channels + 1), 0)


@explainer(
    "ablation-cam",
    options=LayerOptions,
    title="Ablation-CAM",
    unit="weighted activation",
    family="cam",
    needs=Needs.LAYERS | Needs.IMAGES,
    cost=lambda shape, options: Cost(shape[0] * 2, 0),
    cost_at=_channels_cost,
    citation="Desai & Ramaswamy 2020, doi:10.1109/WACV45572.2020.9093360",
    shows="Channels of the layer added up, each weighted by how far the score falls when that channel is set to zero.",
    caveat=COARSE + UNSEEN + " Channels that do the same work hide each other.",
    signed=False,
)
def ablation_cam(run: Run, one: Tensor, target: Target, options: LayerOptions) -> Iterator[Estimate]:
    """ReLU(sum_c (y - y_c) A_c), y_c the score without channel c, (h, w).

    The paper divides the weights by y: that scales the whole map, and would turn it round where the score is negative.
    """
    layer = run.layer(options.layer)
    activations = run.activations(one, [layer.name])[0][0]
    order = activations.flatten(1).abs().amax(1).argsort(descending=True, stable=True)  # the strongest first
    count = len(order)

    def without_one(output: Tensor, numbers: slice) -> Tensor:
        assert layer.layout is not None
        kept = 1 - F.one_hot(order[numbers], count).to(output)
        shape = [len(kept)] + [1] * (output.ndim - 1)
        shape[layer.layout.channel_axis] = count
        return output * kept.view(shape)

    whole = run.scores(one, target)
    drops = one.new_zeros(count)
    for numbers, scores in scores_with_layer_replaced(run, one, layer.name, target, count, without_one):
        drops[order[numbers]] = whole - scores
        yield Estimate(torch.einsum("c,chw->hw", drops, activations).relu(), numbers.stop / count)
