"""LRP EpsilonAlpha2Beta1: alpha 2 beta 1 in convolutions, epsilon in linear layers; and with a flat first layer.

Kohlbrenner et al. 2020 (arXiv:1910.09840)."""

from __future__ import annotations

from torch import Tensor
from zennit.composites import EpsilonAlpha2Beta1, EpsilonAlpha2Beta1Flat
from zennit.core import Composite

from explainers.engine.run import Run
from explainers.relevance._family import (
    FUNCTION_LAYER_MAP,
    RULE_CAVEAT,
    STABILIZER,
    EpsilonOptions,
    lrp_composite,
    rms_stabilizer,
)


@lrp_composite(
    "lrp-epsilon-alpha2-beta1",
    options=EpsilonOptions,
    title="LRP EpsilonAlpha2Beta1",
    shows="What speaks for (twice) and against (once) in convolutions; the epsilon rule in linear layers.",
)
def epsilon_alpha2_beta1(run: Run, inputs: Tensor, options: EpsilonOptions) -> Composite:
    """R_i = sum_j (2 z_ij+ / z_j+ - z_ij- / z_j-) R_j in convolutions, the epsilon rule in linear layers."""
    return EpsilonAlpha2Beta1(rms_stabilizer(options.epsilon), STABILIZER, layer_map=FUNCTION_LAYER_MAP)


@lrp_composite(
    "lrp-epsilon-alpha2-beta1-flat",
    options=EpsilonOptions,
    title="LRP EpsilonAlpha2Beta1Flat",
    shows="What speaks for (twice) and against (once); the first layer spreads its relevance evenly over the pixels it looks at.",
    caveat=RULE_CAVEAT + " The flat first layer leaves no trace of single pixels, channels or colours.",
)
def epsilon_alpha2_beta1_flat(run: Run, inputs: Tensor, options: EpsilonOptions) -> Composite:
    """As EpsilonAlpha2Beta1; in the first layer R_i = sum_j R_j / (inputs that j looks at), the flat rule."""
    return EpsilonAlpha2Beta1Flat(rms_stabilizer(options.epsilon), STABILIZER, layer_map=FUNCTION_LAYER_MAP)
