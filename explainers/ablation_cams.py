"""CAMs that take a layer's map apart and watch the score: channel by channel, or place by place. No gradients.

What lies below the layer runs once for a whole chunk: only what lies above it sees the changed maps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from explainers.core.attribution import Cost
from explainers.core.estimate import Estimate
from explainers.core.layers import Layer
from explainers.core.model import Needs
from explainers.core.registry import explainer
from explainers.core.run import Run
from explainers.core.target import Target
from explainers.core.variant_gradients import scores_with_layer_replaced
from explainers.grad_cam import COARSE, CamOptions

_UNSEEN = " A layer with a part cut out is a state that the network never had: part of the answer is about the hole."


def _channels_cost(shape: Sequence[int], options: CamOptions, layer: Layer) -> Cost:
    return Cost(shape[0] * (layer.channels + 1), 0)


@explainer(
    "ablation-cam",
    title="Ablation-CAM",
    unit="weighted activation",
    family="cam",
    needs=Needs.LAYERS | Needs.IMAGES,
    cost=lambda shape, options: Cost(shape[0] * 2, 0),
    cost_at=_channels_cost,
    citation="Desai & Ramaswamy 2020, doi:10.1109/WACV45572.2020.9093360",
    shows="Channels of the layer added up, each weighted by how far the score falls when that channel is set to zero.",
    caveat=COARSE + _UNSEEN + " Channels that do the same work hide each other.",
    signed=False,
)
def ablation_cam(run: Run, one: Tensor, target: Target, options: CamOptions) -> Iterator[Estimate]:
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


class ReciproOptions(CamOptions):
    spread: bool = Field(True, description="Keep a little of the neighbours too (a 3 x 3 Gaussian), as published.")


def _places_cost(shape: Sequence[int], options: ReciproOptions, layer: Layer) -> Cost:
    assert layer.layout is not None
    return Cost(shape[0] * (layer.layout.height * layer.layout.width + 2), 0)


@explainer(
    "recipro-cam",
    title="Recipro-CAM",
    unit="weighted activation",
    family="cam",
    needs=Needs.LAYERS | Needs.IMAGES,
    cost=lambda shape, options: Cost(shape[0] * 3, 0),
    cost_at=_places_cost,
    citation="Byun & Lee 2022, arXiv:2209.14074",
    shows="The score when the layer's map is kept at one place only, less the score when it is kept nowhere.",
    caveat=COARSE + _UNSEEN + " Evidence that needs two places at once is not seen.",
    signed=True,
)
def recipro_cam(run: Run, one: Tensor, target: Target, options: ReciproOptions) -> Iterator[Estimate]:
    """score(map * mask of a place) - score(map * 0), (h, w). Tokens that are no part of the image stay.

    The paper takes class probabilities and scales them to [0, 1], whereby what is taken away here drops out.
    """
    layer = run.layer(options.layer)
    layout = layer.layout
    assert layout is not None
    places = layout.height * layout.width
    masks = torch.cat([one.new_zeros(1, places), torch.eye(places).to(one)]).view(-1, layout.height, layout.width)
    if options.spread:
        side = one.new_tensor([0.25, 0.5, 0.25])
        masks = F.conv2d(masks.unsqueeze(1), torch.outer(side, side)[None, None], padding=1).squeeze(1)

    def kept(output: Tensor, numbers: slice) -> Tensor:
        return output * layout.over_places(masks[numbers])

    values = one.new_zeros(places + 1)
    for numbers, scores in scores_with_layer_replaced(run, one, layer.name, target, places + 1, kept):
        values[numbers] = scores
        raised = torch.where(torch.arange(1, places + 1, device=one.device) < numbers.stop, values[1:] - values[0], 0)
        yield Estimate(raised.view(layout.height, layout.width), numbers.stop / (places + 1))
