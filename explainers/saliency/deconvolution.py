"""Deconvolution: the score sent back with a ReLU of what comes back in the place of every ReLU.

Zeiler & Fergus 2013 (arXiv:1311.2901)."""

from __future__ import annotations

from captum.attr import Deconvolution
from torch import Tensor

from explainers.core.cost import Cost
from explainers.core.options import NoOptions
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.saliency._captum import attribute_with_captum
from explainers.saliency._family import saliency_method


@saliency_method(
    "deconvolution",
    options=NoOptions,
    title="Deconvolution",
    unit="score per unit of input",
    cost=lambda shape, options: Cost(shape[0] * 2, shape[0]),
    citation="Zeiler & Fergus 2013, arXiv:1311.2901",
    shows="The score sent back to the input with negative values cut off at every ReLU, whether or not that ReLU was on: "
    "the kind of pattern that would excite the network.",
    caveat="It hardly depends on the class or on the upper layers (Nie, Zhang & Patel 2018, arXiv:1805.07039), and but for "
    "pooling not even on the picture. A network without ReLUs gives the plain gradient.",
)
def deconvolution(run: Run, inputs: Tensor, target: Target, options: NoOptions) -> Tensor:
    """d score / d input with every ReLU replaced, on the way back, by a ReLU of what comes back, (N, ...).

    Captum's, on a copy with its own ReLUs.
    """
    return attribute_with_captum(
        run, inputs, target, lambda network, rows, row_indices: Deconvolution(network).attribute(rows), Cost(1, 1)
    )
