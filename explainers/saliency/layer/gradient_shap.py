"""Gradient SHAP at a layer: slopes at random points between input and references, times how far the activation is from theirs.

Erion et al. 2019 (arXiv:1906.10670), at a layer as in Captum (arXiv:2009.07896)."""

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
    REFERENCES_CAVEAT,
    draw_references,
    reference_passes,
)
from explainers.saliency.layer._family import LAYER_UNITS_CAVEAT, layer_method
from explainers.saliency.paths.expected_gradients import ExpectedGradientsOptions, stratified_alphas


class LayerGradientShapOptions(LayerOptions, ExpectedGradientsOptions):
    """Both."""


def _cost(shape: Sequence[int], options: LayerGradientShapOptions) -> Cost:
    return Cost(shape[0] * (options.samples + 2) + reference_passes(options), shape[0] * options.samples)


@layer_method(
    "layer-gradient-shap",
    options=LayerGradientShapOptions,
    title="Layer gradient SHAP",
    cost=_cost,
    citation="Captum's layer GradientShap: Kokhlikyan et al. 2020, arXiv:2009.07896; Erion et al. 2019, arXiv:1906.10670",
    shows="How much each of the layer's units adds to the score beyond its references: its slope at random points between the "
    "input and the references, times how far its activation is from theirs.",
    caveat=LAYER_UNITS_CAVEAT
    + " "
    + REFERENCES_CAVEAT
    + " It is a sample, and even all points together need not add up to the change of the score: the way through the layer bends.",
)
def layer_gradient_shap(run: Run, inputs: Tensor, target: Target, options: LayerGradientShapOptions) -> Tensor:
    """Mean of (activation - reference's) * d score / d activation at random points between input and reference, (N, C, h, w).

    Captum's without noise on the inputs, which is its default.
    """
    layer = run.layer(options.layer)
    layout = layer.layout
    assert layout is not None
    references = draw_references(run.model, inputs, options)
    interpolations = references.interpolations(stratified_alphas(options).to(inputs))
    activations, pool_activations = (
        layout.spatial(layout.unturned(run.outputs(rows, layer.name))) for rows in (inputs, references.pool)
    )
    total = torch.zeros_like(activations)
    points = Variants(options.samples, interpolations, torch.ones(options.samples))
    for input_index, variant_index, capture in variant_captures(run, inputs, layer.name, target, points):
        change = activations[input_index] - pool_activations[references.pool_index(input_index, variant_index)]
        total.index_add_(0, input_index, change * capture.gradients)
    return total / options.samples
