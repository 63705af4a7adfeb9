"""Gradients at a layer inside the network instead of at the input: how much of the score each of its units carries.

Values are (N, C, h, w) at the layer's own resolution. Passes stop at the layer on the way back.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from explainers.core.attribution import Cost
from explainers.core.baselines import baseline_for
from explainers.core.layer_capture import LayerCapture
from explainers.core.model import Needs
from explainers.core.run import Run
from explainers.core.target import Target
from explainers.core.variant_gradients import Variants, variant_captures
from explainers.grad_cam import CamOptions
from explainers.saliency import (
    AGAINST_BASELINE,
    BaselineOptions,
    IntegratedGradientsOptions,
    saliency,
    score_difference,
)

layer_method = functools.partial(saliency, needs=Needs.LAYERS | Needs.GRADIENTS | Needs.IMAGES)

UNITS = (
    "It is as coarse as the layer, stretched over the image. It says how much the layer's units carry, not what they "
    "look for in the picture."
)
CUT = (
    " It adds up to the change of the score only where every path from the input runs through the layer: beside a "
    "skip connection the rest goes round it, a class token is no part of the map, and the gap says how much that is."
)


class LayerPathOptions(CamOptions, IntegratedGradientsOptions):
    steps: int = Field(
        20, ge=2, le=500, description="Steps on the path from baseline to input; more close the completeness gap."
    )


@layer_method(
    "layer-gradient-x-activation",
    title="Layer gradient × activation",
    cost=lambda shape, options: Cost(shape[0], shape[0]),
    citation="Captum's layer gradient × activation: Kokhlikyan et al. 2020, arXiv:2009.07896",
    shows="The layer's activations times the gradient of the score there: for a network that is linear above the layer, "
    "each unit's share of the score.",
    caveat=UNITS + " It is the slope at this very input: a saturated score has none.",
)
def layer_gradient_x_activation(run: Run, inputs: Tensor, target: Target, options: CamOptions) -> Tensor:
    """Activation times d score / d activation, (N, C, h, w), in units of the score."""
    capture = run.capture(inputs, [options.layer], target)[0]
    return capture.activations * capture.gradients


def _straight(run: Run, inputs: Tensor, options: BaselineOptions, shares: Tensor) -> Variants:
    """Points on the straight line from the baseline to the input, at these shares of the way."""
    baseline = baseline_for(run.model, inputs, options.baseline)

    def on_the_path(rows: Tensor, number: Tensor, version: Tensor) -> Tensor:
        return torch.lerp(baseline[number], rows, shares[version].view(-1, *[1] * (rows.ndim - 1)))

    return Variants(len(shares), on_the_path, torch.ones(len(shares)))


def _gauss(inputs: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Points in (0, 1) and their weights, by Gauss and Legendre."""
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    return torch.from_numpy((nodes + 1) / 2).to(inputs), torch.from_numpy(weights / 2).to(inputs)


def _weighted_sum(inputs: Tensor, weights: Tensor, found: Iterator[tuple[Tensor, Tensor, LayerCapture]]) -> Tensor:
    """Weighted sum over the versions of every input of the gradients at the layer, (N, C, h, w)."""
    total: Tensor | None = None
    for number, version, capture in found:
        if total is None:
            total = capture.gradients.new_zeros(len(inputs), *capture.gradients.shape[1:])
        total.index_add_(0, number, capture.gradients * weights[version].view(-1, 1, 1, 1))
    assert total is not None
    return total


@layer_method(
    "internal-influence",
    title="Internal influence",
    unit="score per unit of activation",
    cost=lambda shape, options: Cost(shape[0] * (options.steps + 1), shape[0] * options.steps),
    citation="Leino et al. 2018, arXiv:1802.03788",
    shows="How fast the score changes with each unit of the layer, averaged along the way from the baseline to the input.",
    caveat=UNITS + " " + AGAINST_BASELINE + " A unit that never fires may still have a steep slope.",
)
def internal_influence(run: Run, inputs: Tensor, target: Target, options: LayerPathOptions) -> Tensor:
    """Mean of d score / d activation on the straight path of inputs, by Gauss-Legendre quadrature; (N, C, h, w)."""
    shares, weights = _gauss(inputs, options.steps)
    path = _straight(run, inputs, options, shares)
    return _weighted_sum(inputs, weights, variant_captures(run, inputs, options.layer, target, path))


@layer_method(
    "layer-integrated-gradients",
    title="Layer integrated gradients",
    cost=lambda shape, options: Cost(shape[0] * (options.steps + 4), shape[0] * options.steps),
    citation="Sundararajan, Taly & Yan 2017, arXiv:1703.01365, at a layer as in Captum (arXiv:2009.07896)",
    shows="How the change of the score is shared out among the layer's units when its output goes straight from what the "
    "baseline gives to what this input gives.",
    caveat=UNITS + " " + AGAINST_BASELINE + CUT + " On the straight path lie activations that no input may give.",
    expected_sum=score_difference,
)
def layer_integrated_gradients(run: Run, inputs: Tensor, target: Target, options: LayerPathOptions) -> Tensor:
    """(activation - baseline's) * mean gradient on the straight path between the two, by Gauss-Legendre; (N, C, h, w)."""
    layer = run.layer(options.layer)
    assert layer.layout is not None
    shares, weights = _gauss(inputs, options.steps)
    baseline = baseline_for(run.model, inputs, options.baseline)
    begin, end = (layer.layout.unturned(run.outputs(rows, layer.name)) for rows in (baseline, inputs))

    def between(number: Tensor, version: Tensor) -> Tensor:
        return torch.lerp(begin[number], end[number], shares[version].view(-1, *[1] * (end.ndim - 1)))

    same_input = Variants(options.steps, lambda rows, number, version: rows, weights)
    found = variant_captures(run, inputs, layer.name, target, same_input, between)
    return layer.layout.spatial(end - begin) * _weighted_sum(inputs, weights, found)


@layer_method(
    "layer-conductance",
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
    path = _straight(run, inputs, options, shares)
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
