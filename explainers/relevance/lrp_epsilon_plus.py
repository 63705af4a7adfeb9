"""LRP EpsilonPlus: z-plus in convolutions, epsilon in linear layers; and with a flat first layer.

Kohlbrenner et al. 2020 (arXiv:1910.09840)."""

from __future__ import annotations

from torch import Tensor
from zennit.composites import EpsilonPlus, EpsilonPlusFlat
from zennit.core import Composite

from explainers.engine.run import Run
from explainers.relevance._family import (
    FUNCTION_LAYER_MAP,
    POSITIVE_CAVEAT,
    RULE_CAVEAT,
    STABILIZER,
    EpsilonOptions,
    lrp_composite,
    rms_stabilizer,
)


@lrp_composite(
    "lrp-epsilon-plus",
    options=EpsilonOptions,
    title="LRP EpsilonPlus",
    shows="Where the positive evidence comes from: z-plus in convolutions, the epsilon rule in linear layers.",
    caveat=RULE_CAVEAT + POSITIVE_CAVEAT,
)
def epsilon_plus(run: Run, inputs: Tensor, options: EpsilonOptions) -> Composite:
    """R_i = sum_j z_ij+ / z_j+ R_j (z-plus) in convolutions, the epsilon rule in linear layers."""
    return EpsilonPlus(rms_stabilizer(options.epsilon), STABILIZER, layer_map=FUNCTION_LAYER_MAP)


@lrp_composite(
    "lrp-epsilon-plus-flat",
    options=EpsilonOptions,
    title="LRP EpsilonPlusFlat",
    shows="Where the positive evidence comes from; the first layer spreads its relevance evenly over the pixels it looks at.",
    caveat=RULE_CAVEAT
    + POSITIVE_CAVEAT
    + " The flat first layer leaves no trace of single pixels, channels or colours.",
)
def epsilon_plus_flat(run: Run, inputs: Tensor, options: EpsilonOptions) -> Composite:
    """As EpsilonPlus; in the first layer R_i = sum_j R_j / (inputs that j looks at), the flat rule."""
    return EpsilonPlusFlat(rms_stabilizer(options.epsilon), STABILIZER, layer_map=FUNCTION_LAYER_MAP)
