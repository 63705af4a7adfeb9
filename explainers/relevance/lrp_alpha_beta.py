"""LRP-αβ: what speaks for the score and what speaks against it, shared out apart.

Bach et al. 2015 (doi:10.1371/journal.pone.0130140)."""

from __future__ import annotations

from pydantic import Field
from torch import Tensor
from zennit.core import Composite
from zennit.rules import AlphaBeta

from explainers.core.options import Options
from explainers.engine.run import Run
from explainers.relevance._family import RULE_CAVEAT, STABILIZER, lrp, single_rule


class AlphaBetaOptions(Options):
    alpha: float = Field(
        2.0, ge=1, le=5, description="Weight of what speaks for; what speaks against gets beta = alpha - 1."
    )


@lrp(
    "lrp-alpha-beta",
    options=AlphaBetaOptions,
    title="LRP-αβ",
    citation="Bach et al. 2015, doi:10.1371/journal.pone.0130140",
    shows="What speaks for the score and what speaks against it, shared out apart in every layer: alpha times the one, beta times the other.",
    caveat=RULE_CAVEAT + " An alpha of 1 is the z-plus rule, which shows nothing that speaks "
    "against; with more, relevance grows wherever nothing speaks against.",
)
def alpha_beta(run: Run, inputs: Tensor, options: AlphaBetaOptions) -> Composite:
    """R_i = sum_j (alpha z_ij+ / z_j+ - beta z_ij- / z_j-) R_j with z_ij = x_i w_ij, in every layer with weights."""
    return single_rule(AlphaBeta(options.alpha, options.alpha - 1, STABILIZER))
