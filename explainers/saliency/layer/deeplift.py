"""DeepLift and DeepLift SHAP at a layer: its output compared with what it is for baselines or references.

Shrikumar, Greenside & Kundaje 2017 (arXiv:1704.02685); Lundberg & Lee 2017 (arXiv:1705.07874)."""

from __future__ import annotations

from collections.abc import Sequence

from captum.attr import LayerDeepLift
from torch import Tensor, nn

from explainers.core.cost import Cost
from explainers.core.options import LayerOptions
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.graph.layers import Layer
from explainers.inputs.baselines import baseline_for
from explainers.saliency._captum import attribute_with_captum, observed_module
from explainers.saliency._deeplift_rules import deeplift_eps
from explainers.saliency._family import BASELINE_CAVEAT, BaselineOptions, score_difference
from explainers.saliency._references import (
    REFERENCES_CAVEAT,
    ReferenceOptions,
    draw_references,
    score_above_references,
)
from explainers.saliency.deeplift_shap import deeplift_shap_cost
from explainers.saliency.layer._family import LAYER_UNITS_CAVEAT, SKIPPED_LAYER_CAVEAT, layer_method

_RESCALE_CAVEAT = " What is no ReLU, sigmoid, tanh, softmax or max pooling above the layer is passed by its gradient, and the gap grows."


class LayerBaselineOptions(LayerOptions, BaselineOptions):
    """Both."""


class LayerReferenceOptions(LayerOptions, ReferenceOptions):
    """Both."""


def _layer_deeplift(
    run: Run, inputs: Tensor, target: Target, layer: Layer, baselines: Tensor, repeats: int = 1
) -> Tensor:
    """DeepLift's rescale rule at a layer for every pair of an input and one of its `repeats` baselines, (N * repeats, C, h, w)."""
    assert layer.layout is not None

    def attribute(network: nn.Module, rows: Tensor, row_indices: Sequence[int]) -> Tensor:
        captum = LayerDeepLift(network, observed_module(network))
        captum.eps = deeplift_eps(rows)
        attributions: Tensor = captum.attribute(rows, baselines[row_indices[0] : row_indices[-1] + 1])
        return attributions

    pairs = attribute_with_captum(run, inputs, target, attribute, Cost(2, 2), repeats, layer.name)
    return layer.layout.spatial(pairs)


@layer_method(
    "layer-deeplift",
    options=LayerBaselineOptions,
    title="Layer DeepLift",
    cost=lambda shape, options: Cost(shape[0] * 4, shape[0] * 2),
    citation="Shrikumar, Greenside & Kundaje 2017, arXiv:1704.02685, at a layer as in Captum (arXiv:2009.07896)",
    shows="How the change of the score from the baseline to this input is shared out among the layer's units, comparing every "
    "activation above them with its value for the baseline.",
    caveat=LAYER_UNITS_CAVEAT + " " + BASELINE_CAVEAT + SKIPPED_LAYER_CAVEAT + _RESCALE_CAVEAT,
    expected_sum=score_difference,
)
def layer_deeplift(run: Run, inputs: Tensor, target: Target, options: LayerBaselineOptions) -> Tensor:
    """DeepLift's rescale rule from the layer upwards, (N, C, h, w), in units of the score. Captum's, on a copy with its own
    activations."""
    baseline = baseline_for(run.model, inputs, options.baseline)
    return _layer_deeplift(run, inputs, target, run.layer(options.layer), baseline)


@layer_method(
    "layer-deeplift-shap",
    options=LayerReferenceOptions,
    title="Layer DeepLift SHAP",
    cost=deeplift_shap_cost,
    citation="Lundberg & Lee 2017, arXiv:1705.07874, at a layer as in Captum (arXiv:2009.07896)",
    shows="Layer DeepLift averaged over many references: what each of the layer's units adds to the score beyond the average "
    "reference.",
    caveat=LAYER_UNITS_CAVEAT + " " + REFERENCES_CAVEAT + SKIPPED_LAYER_CAVEAT + _RESCALE_CAVEAT,
    expected_sum=score_above_references,
)
def layer_deeplift_shap(run: Run, inputs: Tensor, target: Target, options: LayerReferenceOptions) -> Tensor:
    """Mean over the references of DeepLift's rescale rule from the layer upwards, (N, C, h, w), in units of the score."""
    references = draw_references(run.model, inputs, options)
    baselines = references.pool[references.indices.flatten()]
    pairs = _layer_deeplift(run, inputs, target, run.layer(options.layer), baselines, options.number)
    return pairs.view(len(inputs), options.number, *pairs.shape[1:]).mean(1)
