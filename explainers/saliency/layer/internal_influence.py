"""Internal influence: the slope by every unit of a layer, averaged along the path of inputs.

Leino et al. 2018 (arXiv:1802.03788)."""

from __future__ import annotations

from torch import Tensor

from explainers.core.cost import Cost
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.engine.variant_gradients import variant_captures
from explainers.inputs.baselines import baseline_for
from explainers.saliency._family import BASELINE_CAVEAT
from explainers.saliency.layer._family import (
    LAYER_UNITS_CAVEAT,
    LayerPathOptions,
    layer_method,
    weighted_gradient_sum,
)
from explainers.saliency.paths._straight_path import gauss_legendre, straight_path


@layer_method(
    "internal-influence",
    options=LayerPathOptions,
    title="Internal influence",
    unit="score per unit of activation",
    cost=lambda shape, options: Cost(shape[0] * (options.steps + 1), shape[0] * options.steps),
    citation="Leino et al. 2018, arXiv:1802.03788",
    shows="How fast the score changes with each unit of the layer, averaged along the way from the baseline to the input.",
    caveat=LAYER_UNITS_CAVEAT + " " + BASELINE_CAVEAT + " A unit that never fires may still have a steep slope.",
)
def internal_influence(run: Run, inputs: Tensor, target: Target, options: LayerPathOptions) -> Tensor:
    """Mean of d score / d activation on the straight path of inputs, by Gauss-Legendre quadrature; (N, C, h, w)."""
    alphas, weights = gauss_legendre(inputs, options.steps)
    path = straight_path(baseline_for(run.model, inputs, options.baseline), alphas, weights)
    return weighted_gradient_sum(inputs, weights, variant_captures(run, inputs, options.layer, target, path))
