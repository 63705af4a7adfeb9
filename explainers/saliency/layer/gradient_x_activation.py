"""Gradient × activation at a layer, as in Captum (Kokhlikyan et al. 2020, arXiv:2009.07896)."""

from __future__ import annotations

from torch import Tensor

from explainers.core.cost import Cost
from explainers.core.options import LayerOptions
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.saliency.layer._family import LAYER_UNITS_CAVEAT, layer_method


@layer_method(
    "layer-gradient-x-activation",
    options=LayerOptions,
    title="Layer gradient × activation",
    cost=lambda shape, options: Cost(shape[0], shape[0]),
    citation="Captum's layer gradient × activation: Kokhlikyan et al. 2020, arXiv:2009.07896",
    shows="The layer's activations times the gradient of the score there: for a network that is linear above the layer, "
    "each unit's share of the score.",
    caveat=LAYER_UNITS_CAVEAT + " It is the slope at this very input: a saturated score has none.",
)
def layer_gradient_x_activation(run: Run, inputs: Tensor, target: Target, options: LayerOptions) -> Tensor:
    """Activation times d score / d activation, (N, C, h, w), in units of the score."""
    capture = run.capture(inputs, [options.layer], target)[0]
    return capture.activations * capture.gradients
