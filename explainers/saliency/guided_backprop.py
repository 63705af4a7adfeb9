"""Guided backpropagation: the gradient with negative values cut off at every ReLU on the way back.

Springenberg et al. 2014 (arXiv:1412.6806)."""

from __future__ import annotations

from captum.attr import GuidedBackprop
from torch import Tensor

from explainers.core.cost import Cost
from explainers.core.options import NoOptions
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.saliency._captum import attribute_with_captum
from explainers.saliency._family import saliency_method


@saliency_method(
    "guided-backprop",
    options=NoOptions,
    title="Guided backpropagation",
    unit="score per unit of input",
    cost=lambda shape, options: Cost(shape[0] * 2, shape[0]),
    citation="Springenberg et al. 2014, arXiv:1412.6806",
    shows="The gradient with negative values cut off at every ReLU on the way back: sharp edges of what excites the network.",
    caveat="It hardly depends on the class or on the upper layers (Adebayo et al. 2018, arXiv:1810.03292): sharp is not faithful. "
    "A network without ReLUs gives the plain gradient.",
)
def guided_backprop(run: Run, inputs: Tensor, target: Target, options: NoOptions) -> Tensor:
    """d score / d input with negative gradients dropped at every ReLU, (N, ...). Captum's, on a copy with its own ReLUs."""
    return attribute_with_captum(
        run, inputs, target, lambda network, rows, row_indices: GuidedBackprop(network).attribute(rows), Cost(1, 1)
    )
