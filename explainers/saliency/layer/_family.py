"""What the methods at a layer share. Values are (N, C, h, w) at its own resolution; passes stop at it on the way back."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from pydantic import Field
from torch import Tensor

from explainers.core.capabilities import Needs
from explainers.core.options import LayerOptions
from explainers.engine.layer_capture import LayerCapture
from explainers.saliency._family import saliency_method
from explainers.saliency.paths.integrated_gradients import IntegratedGradientsOptions

layer_method = functools.partial(saliency_method, needs=Needs.LAYERS | Needs.GRADIENTS | Needs.IMAGES)

LAYER_UNITS_CAVEAT = (
    "It is as coarse as the layer, stretched over the image. It says how much the layer's units carry, not what they "
    "look for in the picture."
)

SKIPPED_LAYER_CAVEAT = (
    " It adds up to the change of the score only where every path from the input runs through the layer: beside a "
    "skip connection the rest goes round it, a class token is no part of the map, and the gap says how much that is."
)


class LayerPathOptions(LayerOptions, IntegratedGradientsOptions):
    steps: int = Field(
        20, ge=2, le=500, description="Steps on the path from baseline to input; more close the completeness gap."
    )


def weighted_gradient_sum(
    inputs: Tensor, weights: Tensor, captures: Iterator[tuple[Tensor, Tensor, LayerCapture]]
) -> Tensor:
    """Weighted sum over the variants of every input of the gradients at the layer, (N, C, h, w)."""
    total: Tensor | None = None
    for input_index, variant_index, capture in captures:
        if total is None:
            total = capture.gradients.new_zeros(len(inputs), *capture.gradients.shape[1:])
        total.index_add_(0, input_index, capture.gradients * weights[variant_index].view(-1, 1, 1, 1))
    assert total is not None
    return total
