"""Integrated gradients at a layer: its output goes straight from the baseline's to the input's.

Sundararajan, Taly & Yan 2017 (arXiv:1703.01365), at a layer as in Captum (arXiv:2009.07896)."""

from __future__ import annotations

import torch
from torch import Tensor

from explainers.core.cost import Cost
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.engine.variant_gradients import Variants, variant_captures
from explainers.inputs.baselines import baseline_for
from explainers.saliency._family import BASELINE_CAVEAT, score_difference
from explainers.saliency.layer._family import (
    LAYER_UNITS_CAVEAT,
    SKIPPED_LAYER_CAVEAT,
    LayerPathOptions,
    layer_method,
    weighted_gradient_sum,
)
from explainers.saliency.paths._straight_path import gauss_legendre


@layer_method(
    "layer-integrated-gradients",
    options=LayerPathOptions,
    title="Layer integrated gradients",
    cost=lambda shape, options: Cost(shape[0] * (options.steps + 4), shape[0] * options.steps),
    citation="Sundararajan, Taly & Yan 2017, arXiv:1703.01365, at a layer as in Captum (arXiv:2009.07896)",
    shows="How the change of the score is shared out among the layer's units when its output goes straight from what the "
    "baseline gives to what this input gives.",
    caveat=LAYER_UNITS_CAVEAT
    + " "
    + BASELINE_CAVEAT
    + SKIPPED_LAYER_CAVEAT
    + " On the straight path lie activations that no input may give.",
    expected_sum=score_difference,
)
def layer_integrated_gradients(run: Run, inputs: Tensor, target: Target, options: LayerPathOptions) -> Tensor:
    """(activation - baseline's) * mean gradient on the straight path between the two, by Gauss-Legendre; (N, C, h, w)."""
    layer = run.layer(options.layer)
    assert layer.layout is not None
    alphas, weights = gauss_legendre(inputs, options.steps)
    baseline = baseline_for(run.model, inputs, options.baseline)
    start, end = (layer.layout.unturned(run.outputs(rows, layer.name)) for rows in (baseline, inputs))

    def interpolate(input_index: Tensor, variant_index: Tensor) -> Tensor:
        return torch.lerp(start[input_index], end[input_index], alphas[variant_index].view(-1, *[1] * (end.ndim - 1)))

    same_input = Variants(options.steps, lambda rows, input_index, variant_index: rows, weights)
    captures = variant_captures(run, inputs, layer.name, target, same_input, interpolate)
    return layer.layout.spatial(end - start) * weighted_gradient_sum(inputs, weights, captures)
