"""LRP-γ: as LRP-ε, with more weight on what adds to the score.

Montavon et al. 2019 (doi:10.1007/978-3-030-28954-6_10)."""

from __future__ import annotations

from torch import Tensor
from zennit.core import Composite
from zennit.rules import Gamma

from explainers.engine.run import Run
from explainers.relevance._family import POSITIVE_CAVEAT, RULE_CAVEAT, STABILIZER, GammaOptions, lrp, single_rule


@lrp(
    "lrp-gamma",
    options=GammaOptions,
    title="LRP-γ",
    citation="Montavon et al. 2019, doi:10.1007/978-3-030-28954-6_10",
    shows="How the score is made up, with more weight on what adds to it, which calms the map.",
    caveat=RULE_CAVEAT + POSITIVE_CAVEAT,
)
def gamma(run: Run, inputs: Tensor, options: GammaOptions) -> Composite:
    """R_i = sum_j x_i w'_ij / z'_j R_j with w' = w + gamma max(w, 0), in every layer with weights.

    For inputs of either sign as Andéol et al. 2021: what has the output's sign counts more.
    """
    return single_rule(Gamma(options.gamma, STABILIZER))
