"""What the methods at a layer share. Values are (N, C, h, w) at its own resolution; passes stop at it on the way back."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from explainers.core.capabilities import Needs
from explainers.core.options import LayerOptions
from explainers.engine.layer_capture import LayerCapture
from explainers.engine.run import Run
from explainers.engine.variant_gradients import Variants
from explainers.inputs.baselines import baseline_for
from explainers.saliency._family import BaselineOptions, saliency
from explainers.saliency.paths.integrated_gradients import IntegratedGradientsOptions

layer_method = functools.partial(saliency, needs=Needs.LAYERS | Needs.GRADIENTS | Needs.IMAGES)


UNITS = (
    "It is as coarse as the layer, stretched over the image. It says how much the layer's units carry, not what they "
    "look for in the picture."
)


CUT = (
    " It adds up to the change of the score only where every path from the input runs through the layer: beside a "
    "skip connection the rest goes round it, a class token is no part of the map, and the gap says how much that is."
)


class LayerPathOptions(LayerOptions, IntegratedGradientsOptions):
    steps: int = Field(
        20, ge=2, le=500, description="Steps on the path from baseline to input; more close the completeness gap."
    )


def straight_path(run: Run, inputs: Tensor, options: BaselineOptions, shares: Tensor) -> Variants:
    """Points on the straight line from the baseline to the input, at these shares of the way."""
    baseline = baseline_for(run.model, inputs, options.baseline)

    def on_the_path(rows: Tensor, number: Tensor, version: Tensor) -> Tensor:
        return torch.lerp(baseline[number], rows, shares[version].view(-1, *[1] * (rows.ndim - 1)))

    return Variants(len(shares), on_the_path, torch.ones(len(shares)))


def gauss_legendre(inputs: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Points in (0, 1) and their weights, by Gauss and Legendre."""
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    return torch.from_numpy((nodes + 1) / 2).to(inputs), torch.from_numpy(weights / 2).to(inputs)


def weighted_gradient_sum(
    inputs: Tensor, weights: Tensor, found: Iterator[tuple[Tensor, Tensor, LayerCapture]]
) -> Tensor:
    """Weighted sum over the versions of every input of the gradients at the layer, (N, C, h, w)."""
    total: Tensor | None = None
    for number, version, capture in found:
        if total is None:
            total = capture.gradients.new_zeros(len(inputs), *capture.gradients.shape[1:])
        total.index_add_(0, number, capture.gradients * weights[version].view(-1, 1, 1, 1))
    assert total is not None
    return total
