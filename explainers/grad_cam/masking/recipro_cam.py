"""Recipro-CAM: the score when the layer's map is kept at one place only.

Byun & Lee 2022 (arXiv:2209.14074). What lies below the layer runs once for a whole chunk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from pydantic import Field
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


class ReciproOptions(LayerOptions):
    spread: bool = Field(True, description="Keep a little of the neighbours too (a 3 x 3 Gaussian), as published.")


def _places_cost(shape: Sequence[int], options: ReciproOptions, layer: Layer) -> Cost:
    assert layer.layout is not None
    return Cost(shape[0] * (layer.layout.height * layer.layout.width + 2), 0)


@explainer(
    "recipro-cam",
    options=ReciproOptions,
    title="Recipro-CAM",
    unit="weighted activation",
    family="cam",
    needs=Needs.LAYERS | Needs.IMAGES,
    cost=lambda shape, options: Cost(shape[0] * 3, 0),
    cost_at=_places_cost,
    citation="Byun & Lee 2022, arXiv:2209.14074",
    shows="The score when the layer's map is kept at one place only, less the score when it is kept nowhere.",
    caveat=COARSE + UNSEEN + " Evidence that needs two places at once is not seen.",
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
