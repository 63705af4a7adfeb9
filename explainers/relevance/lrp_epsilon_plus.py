"""LRP EpsilonPlus: z-plus in convolutions, epsilon in linear layers; and with a flat first layer.

Kohlbrenner et al. 2020 (arXiv:1910.09840)."""

from __future__ import annotations

from torch import Tensor
from zennit.composites import (
    EpsilonPlus,
    EpsilonPlusFlat,
)
from zennit.core import Composite

from explainers.engine.run import Run
from explainers.relevance._family import (
    CAVEAT,
    FUNCTION_RULES,
    POSITIVE,
    STABILIZER,
    EpsilonOptions,
    composite,
    stabilizer,
)


@composite(
    "lrp-epsilon-plus",
    options=EpsilonOptions,
    title="LRP EpsilonPlus",
    shows="Where the positive evidence comes from: z-plus in convolutions, the epsilon rule in linear layers.",
    caveat=CAVEAT + POSITIVE,
)
def epsilon_plus(run: Run, inputs: Tensor, options: EpsilonOptions) -> Composite:
    """z-plus in convolutions, epsilon in linear layers."""
    return EpsilonPlus(stabilizer(options.epsilon), STABILIZER, layer_map=FUNCTION_RULES)


@composite(
    "lrp-epsilon-plus-flat",
    options=EpsilonOptions,
    title="LRP EpsilonPlusFlat",
    shows="Where the positive evidence comes from; the first layer spreads its relevance evenly over the pixels it looks at.",
    caveat=CAVEAT + POSITIVE + " The flat first layer leaves no trace of single pixels, channels or colours.",
)
def epsilon_plus_flat(run: Run, inputs: Tensor, options: EpsilonOptions) -> Composite:
    """As EpsilonPlus, with the flat rule in the first layer."""
    return EpsilonPlusFlat(stabilizer(options.epsilon), STABILIZER, layer_map=FUNCTION_RULES)
