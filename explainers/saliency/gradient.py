"""The gradient, and input × gradient: one pass forward and one back.

Simonyan, Vedaldi & Zisserman 2013 (arXiv:1312.6034); Shrikumar et al. 2016 (arXiv:1605.01713)."""

from __future__ import annotations

from torch import Tensor

from explainers.core.options import NoOptions
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.saliency._family import one_pass, saliency_method

_LOCAL_CAVEAT = (
    "It is the slope at this very input: a saturated score has none, so a feature that matters may stay dark, and "
    "the slope of a deep network is noisy."
)


@saliency_method(
    "gradient",
    options=NoOptions,
    title="Gradient",
    unit="score per unit of input",
    cost=one_pass,
    citation="Simonyan, Vedaldi & Zisserman 2013, arXiv:1312.6034",
    shows="How fast the score changes with each input value.",
    caveat=_LOCAL_CAVEAT,
)
def gradient(run: Run, inputs: Tensor, target: Target, options: NoOptions) -> Tensor:
    """d score / d input, (N, ...), in units of score per unit of input."""
    return run.gradients(inputs, target)


@saliency_method(
    "input-x-gradient",
    options=NoOptions,
    title="Input × gradient",
    cost=one_pass,
    citation="Shrikumar et al. 2016, arXiv:1605.01713",
    shows="The gradient times the input: for a linear model, each value's share of the score.",
    caveat=_LOCAL_CAVEAT + " Where the normalised input is zero (the mean colour) nothing shows.",
)
def input_x_gradient(run: Run, inputs: Tensor, target: Target, options: NoOptions) -> Tensor:
    """input * d score / d input, (N, ...), in units of the score."""
    return inputs * run.gradients(inputs, target)
