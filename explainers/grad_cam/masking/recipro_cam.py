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
from explainers.grad_cam._family import COARSE_CAVEAT
from explainers.grad_cam.masking._family import CUT_LAYER_CAVEAT
from explainers.graph.layers import Layer
from explainers.registry import explainer


class ReciproOptions(LayerOptions):
    spread: bool = Field(True, description="Keep a little of the neighbours too (a 3 x 3 Gaussian), as published.")


def _cost_at(shape: Sequence[int], options: ReciproOptions, layer: Layer) -> Cost:
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
    cost_at=_cost_at,
    citation="Byun & Lee 2022, arXiv:2209.14074",
    shows="The score when the layer's map is kept at one place only, less the score when it is kept nowhere.",
    caveat=COARSE_CAVEAT + CUT_LAYER_CAVEAT + " Evidence that needs two places at once is not seen.",
    signed=True,
)
def recipro_cam(run: Run, input: Tensor, target: Target, options: ReciproOptions) -> Iterator[Estimate]:
    """score(map * mask of a place) - score(map * 0), (h, w). Tokens that are no part of the image stay.

    The paper takes class probabilities and scales them to [0, 1], whereby what is taken away here drops out.
    """
    layer = run.layer(options.layer)
    layout = layer.layout
    assert layout is not None
    places = layout.height * layout.width
    # The first mask hides all of the map; the others show one place each.
    masks = torch.cat([input.new_zeros(1, places), torch.eye(places).to(input)]).view(-1, layout.height, layout.width)
    if options.spread:
        side = input.new_tensor([0.25, 0.5, 0.25])
        masks = F.conv2d(masks.unsqueeze(1), torch.outer(side, side)[None, None], padding=1).squeeze(1)

    def masked(output: Tensor, rows: slice) -> Tensor:
        return output * layout.over_places(masks[rows])

    scores = input.new_zeros(places + 1)
    for rows, chunk_scores in scores_with_layer_replaced(run, input, layer.name, target, places + 1, masked):
        scores[rows] = chunk_scores
        scored = torch.arange(1, places + 1, device=input.device) < rows.stop
        gains = torch.where(scored, scores[1:] - scores[0], 0)
        yield Estimate(gains.view(layout.height, layout.width), rows.stop / (places + 1))
