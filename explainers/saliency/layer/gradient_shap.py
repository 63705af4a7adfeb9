"""Gradient SHAP at a layer: slopes at random points between input and references, times how far the activation is from theirs."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from explainers.core.cost import Cost
from explainers.core.options import LayerOptions
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.engine.variant_gradients import Variants, variant_captures
from explainers.saliency._references import (
    AGAINST_REFERENCES,
    draw_references,
    reference_passes,
)
from explainers.saliency.layer._family import UNITS, layer_method
from explainers.saliency.paths.expected_gradients import ExpectedGradientsOptions, shares_of_the_way


class LayerGradientShapOptions(LayerOptions, ExpectedGradientsOptions):
    """Both."""


def _gradient_shap_cost(shape: Sequence[int], options: LayerGradientShapOptions) -> Cost:
    return Cost(shape[0] * (options.samples + 2) + reference_passes(options), shape[0] * options.samples)


@layer_method(
    "layer-gradient-shap",
    options=LayerGradientShapOptions,
    title="Layer gradient SHAP",
    cost=_gradient_shap_cost,
    citation="Captum's layer GradientShap: Kokhlikyan et al. 2020, arXiv:2009.07896; Erion et al. 2019, arXiv:1906.10670",
    shows="How much each of the layer's units adds to the score beyond its references: its slope at random points between the "
    "input and the references, times how far its activation is from theirs.",
    caveat=UNITS
    + " "
    + AGAINST_REFERENCES
    + " It is a sample, and even all points together need not add up to the change of the score: the way through the layer bends.",
)
def layer_gradient_shap(run: Run, inputs: Tensor, target: Target, options: LayerGradientShapOptions) -> Tensor:
    """Mean of (activation - reference's) * d score / d activation at random points between input and reference, (N, C, h, w).

    Captum's without noise on the inputs, which is its default.
    """
    layer = run.layer(options.layer)
    layout = layer.layout
    assert layout is not None
    drawn = draw_references(run.model, inputs, options)
    way = drawn.on_the_way(shares_of_the_way(options).to(inputs))
    own, others = (layout.spatial(layout.unturned(run.outputs(rows, layer.name))) for rows in (inputs, drawn.pool))
    total = torch.zeros_like(own)
    points = Variants(options.samples, way, torch.ones(options.samples))
    for number, version, capture in variant_captures(run, inputs, layer.name, target, points):
        change = own[number] - others[drawn.of(number, version)]
        total.index_add_(0, number, change * capture.gradients)
    return total / options.samples
