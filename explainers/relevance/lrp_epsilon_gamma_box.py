"""LRP EpsilonGammaBox: the box rule in the first convolution, gamma in the others, epsilon in linear layers.

Montavon et al. 2017 (arXiv:1512.02479)."""

from __future__ import annotations

import torch
from torch import Tensor
from zennit.composites import EpsilonGammaBox
from zennit.core import Composite

from explainers.core.errors import VitrineError
from explainers.core.rng import seeded_generator
from explainers.engine.run import Run
from explainers.relevance._canonizer import input_of_first_convolution
from explainers.relevance._family import (
    FUNCTION_LAYER_MAP,
    POSITIVE_CAVEAT,
    RULE_CAVEAT,
    STABILIZER,
    EpsilonOptions,
    GammaOptions,
    canonized_network,
    lrp_composite,
    rms_stabilizer,
)


class EpsilonGammaOptions(EpsilonOptions, GammaOptions):
    """Both."""


@lrp_composite(
    "lrp-epsilon-gamma-box",
    options=EpsilonGammaOptions,
    title="LRP EpsilonGammaBox",
    shows="How the score is made up: gamma in convolutions, epsilon in linear layers; the first convolution knows how dark and "
    "how bright a pixel can be.",
    caveat=RULE_CAVEAT + POSITIVE_CAVEAT,
    images=True,
)
def epsilon_gamma_box(run: Run, inputs: Tensor, options: EpsilonGammaOptions) -> Composite:
    """R_i = sum_j (x_i w_ij - low w_ij+ - high w_ij-) / (their sum over i) R_j in the first convolution, the box rule.

    The gamma rule in the other convolutions, the epsilon rule in linear layers.
    """
    low, high = pixel_box(run, inputs)
    return EpsilonGammaBox(
        low, high, rms_stabilizer(options.epsilon), options.gamma, STABILIZER, layer_map=FUNCTION_LAYER_MAP
    )


def pixel_box(run: Run, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """The lowest and highest values that the first convolution can read, to be broadcast to what it reads: of black and of
    white, or, where the preprocessing is not known, of each input's own extremes.

    Raises:
        VitrineError: the network does something to its input first that can leave the range between the two.
    """
    preprocess = run.model.preprocess
    if preprocess is not None:
        low, high = preprocess.pixel(0.0, inputs)[None], preprocess.pixel(1.0, inputs)[None]
        black, white = low.expand_as(inputs[:1]), high.expand_as(inputs[:1])
    else:
        low, high = inputs.amin((1, 2, 3), keepdim=True), inputs.amax((1, 2, 3), keepdim=True)
        black, white = low.expand_as(inputs), high.expand_as(inputs)
    between = torch.lerp(black, white, torch.rand(black.shape, generator=seeded_generator("cpu", 0)).to(black))
    pictures = torch.cat([black, white, between])
    read = input_of_first_convolution(canonized_network(run), pictures)
    if read is pictures:
        return low, high
    of_black, of_white, of_between = read.chunk(3)
    low, high = torch.minimum(of_black, of_white), torch.maximum(of_black, of_white)
    slack = 1e-3 * (high - low).amax()
    if len(read) != len(pictures) or (of_between < low - slack).any() or (of_between > high + slack).any():
        raise VitrineError(
            f"What the first convolution of {run.model.name} reads need not lie between what it reads of black and of white, so "
            "the box rule does not hold for it; use another rule, such as lrp-gamma."
        )
    return low, high
