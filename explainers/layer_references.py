"""DeepLift and SHAP at a layer inside the network: its output compared with what it is for baselines or references.

Values are (N, C, h, w) at the layer's own resolution.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from captum.attr import LayerDeepLift
from torch import Tensor, nn

from explainers.core.attribution import Cost
from explainers.core.baselines import baseline_for
from explainers.core.captum_adapter import attribute_with_captum, observed_module
from explainers.core.deeplift_rules import smallest_change
from explainers.core.layers import Layer
from explainers.core.references import ReferenceOptions, above_references, draw_references, reference_passes
from explainers.core.run import Run
from explainers.core.target import Target
from explainers.core.variant_gradients import Variants, variant_captures
from explainers.expected_gradients import (
    AGAINST_REFERENCES,
    ExpectedGradientsOptions,
    deeplift_shap_cost,
    points_on_the_ways,
)
from explainers.grad_cam import CamOptions
from explainers.layer_gradients import CUT, UNITS, layer_method
from explainers.saliency import AGAINST_BASELINE, BaselineOptions, score_difference

_RESCALE = " What is no ReLU, sigmoid, tanh, softmax or max pooling above the layer is passed by its gradient, and the gap grows."


class LayerBaselineOptions(CamOptions, BaselineOptions):
    """Both."""


class LayerReferenceOptions(CamOptions, ReferenceOptions):
    """Both."""


class LayerGradientShapOptions(CamOptions, ExpectedGradientsOptions):
    """Both."""


def _deeplift(run: Run, inputs: Tensor, target: Target, layer: Layer, starts: Tensor, copies: int = 1) -> Tensor:
    """DeepLift's rescale rule at a layer for every pair of an input and one of its `copies` starts, (N * copies, C, h, w)."""
    assert layer.layout is not None

    def work(network: nn.Module, rows: Tensor, numbers: Sequence[int]) -> Tensor:
        peer = LayerDeepLift(network, observed_module(network))
        peer.eps = smallest_change(rows)
        values: Tensor = peer.attribute(rows, starts[numbers[0] : numbers[-1] + 1])
        return values

    return layer.layout.spatial(attribute_with_captum(run, inputs, target, work, Cost(2, 2), copies, layer.name))


@layer_method(
    "layer-deeplift",
    title="Layer DeepLift",
    cost=lambda shape, options: Cost(shape[0] * 4, shape[0] * 2),
    citation="Shrikumar, Greenside & Kundaje 2017, arXiv:1704.02685, at a layer as in Captum (arXiv:2009.07896)",
    shows="How the change of the score from the baseline to this input is shared out among the layer's units, comparing every "
    "activation above them with its value for the baseline.",
    caveat=UNITS + " " + AGAINST_BASELINE + CUT + _RESCALE,
    expected_sum=score_difference,
)
def layer_deeplift(run: Run, inputs: Tensor, target: Target, options: LayerBaselineOptions) -> Tensor:
    """DeepLift's rescale rule from the layer upwards, (N, C, h, w), in units of the score. Captum's, on a copy with its own
    activations."""
    baseline = baseline_for(run.model, inputs, options.baseline)
    return _deeplift(run, inputs, target, run.layer(options.layer), baseline)


@layer_method(
    "layer-deeplift-shap",
    title="Layer DeepLift SHAP",
    cost=deeplift_shap_cost,
    citation="Lundberg & Lee 2017, arXiv:1705.07874, at a layer as in Captum (arXiv:2009.07896)",
    shows="Layer DeepLift averaged over many references: what each of the layer's units adds to the score beyond the average "
    "reference.",
    caveat=UNITS + " " + AGAINST_REFERENCES + CUT + _RESCALE,
    expected_sum=above_references,
)
def layer_deeplift_shap(run: Run, inputs: Tensor, target: Target, options: LayerReferenceOptions) -> Tensor:
    """Mean over the references of DeepLift's rescale rule from the layer upwards, (N, C, h, w), in units of the score."""
    drawn = draw_references(run.model, inputs, options)
    starts = drawn.pool[drawn.chosen.flatten()]
    pairs = _deeplift(run, inputs, target, run.layer(options.layer), starts, options.number)
    return pairs.view(len(inputs), options.number, *pairs.shape[1:]).mean(1)


def _gradient_shap_cost(shape: Sequence[int], options: LayerGradientShapOptions) -> Cost:
    return Cost(shape[0] * (options.samples + 2) + reference_passes(options), shape[0] * options.samples)


@layer_method(
    "layer-gradient-shap",
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
    way = drawn.on_the_way(points_on_the_ways(options).to(inputs))
    own, others = (layout.spatial(layout.unturned(run.outputs(rows, layer.name))) for rows in (inputs, drawn.pool))
    total = torch.zeros_like(own)
    points = Variants(options.samples, way, torch.ones(options.samples))
    for number, version, capture in variant_captures(run, inputs, layer.name, target, points):
        change = own[number] - others[drawn.of(number, version)]
        total.index_add_(0, number, change * capture.gradients)
    return total / options.samples
