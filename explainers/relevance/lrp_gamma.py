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
    """As the epsilon rule, with w + gamma max(w, 0) for w; Andéol et al. 2021 for inputs of either sign."""
    return single_rule(Gamma(options.gamma, STABILIZER))
