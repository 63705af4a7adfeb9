"""LRP-ε: relevance shared out in proportion to what every input added.

Bach et al. 2015 (doi:10.1371/journal.pone.0130140)."""

from __future__ import annotations

from torch import Tensor
from zennit.core import Composite
from zennit.rules import Epsilon

from explainers.engine.run import Run
from explainers.relevance._family import RULE_CAVEAT, EpsilonOptions, lrp, rms_stabilizer, single_rule


@lrp(
    "lrp-epsilon",
    options=EpsilonOptions,
    title="LRP-ε",
    citation="Bach et al. 2015, doi:10.1371/journal.pone.0130140",
    shows="How the score is made up: each layer shares out its relevance in proportion to what every input added to it.",
    caveat=RULE_CAVEAT
    + " With an epsilon of zero it is noisy, and in a network of ReLUs the same as input × gradient.",
)
def epsilon(run: Run, inputs: Tensor, options: EpsilonOptions) -> Composite:
    """R_i = sum_j z_ij / (z_j + sign(z_j) epsilon rms(z)) R_j with z_ij = x_i w_ij, in every layer with weights."""
    return single_rule(Epsilon(rms_stabilizer(options.epsilon)))
