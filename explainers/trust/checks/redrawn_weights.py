"""One redrawn network: the cheap half of model randomisation.

Hedström et al. 2024 (arXiv:2401.06465): after all weights are drawn anew, the entropy of a map that depended on them rises, whatever the
map looked like before. That holds of maps as fine as the picture; of coarse ones, and beside it, the rank correlation of the values'
sizes tells, which edges cannot hide from."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from explainers.graph.redraw import redrawn
from explainers.trust.context import CheckContext, heatmap_of
from explainers.trust.finding import Finding
from explainers.trust.ranking import centred_ranks, spearman
from explainers.trust.registry import Asks, SeedOptions, check
from explainers.trust.thresholds import SAME_SIZES

BINS = 100
COLLAPSED = 0.25  # a map whose entropy falls by more is another map all the same


def entropy(heat: Tensor) -> float:
    """Entropy of the histogram of a map's absolute values, in nats: 0 of a constant map, log(100) where all values are as frequent."""
    sizes = heat.abs().flatten().double()
    counts = torch.histc(sizes, BINS, float(sizes.min()), float(sizes.max()))
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * shares.log()).sum())


@check(
    "redrawn-weights",
    options=SeedOptions,
    title="Redrawn weights",
    citation="Hedström et al. 2024, arXiv:2401.06465; Adebayo et al. 2018, arXiv:1810.03292",
    says="Rank correlation of the values' sizes with those of a network whose weights were all drawn anew: a map that stays shows the "
    "picture, not the network. The rise of its entropy is told beside it.",
    better="lower",
    low=-1,
    high=1,
    needs=Asks.RERUNS | Asks.WEIGHTS,
    quick=True,
    cost=lambda attribution, options, rerun: rerun,
)
def redrawn_weights(context: CheckContext, options: SeedOptions) -> Finding:
    """Rank correlation of absolute values; 0 where nothing is left of the map, None for a constant map."""
    name, heat = "redrawn-weights", context.heat
    if centred_ranks(heat.abs()) is None:
        return Finding(name, None, None, "All values of the map are of one size, so they have no ranks to compare.")
    # Kept: drawing millions of weights takes longer than the map.
    network = context.run.cache.get(f"redrawn by seed {options.seed}", lambda network: redrawn(network, options.seed))
    model = replace(context.model, network=network, fingerprint=f"{context.model.fingerprint} redrawn")
    other = heatmap_of(context.rerun(context.input, model), options.reduce)
    is_finite = bool(torch.isfinite(other).all())
    value = (spearman(heat.abs(), other.abs()) or 0.0) if is_finite else 0.0
    before = entropy(heat)
    rise = (entropy(other) - before) / before if is_finite and before > 0 else None
    details = {"rise of entropy": rise, "entropy": before}
    change = (
        ""
        if rise is None
        else f"; its entropy {'rises' if rise > 0 else 'falls'} by {abs(rise):.0%}".replace("%", " %")
    )
    fine = context.attribution.values.shape[-2:] == context.input.shape[-2:] and context.input.ndim == 4
    if fine and rise is not None and -COLLAPSED < rise <= 0 and value < SAME_SIZES:
        sentence = (
            f"With all weights drawn anew the map gets no less orderly{change}: it owes its order to the picture."
        )
        clause = "a network that learnt nothing gives as orderly a map"
        return Finding(name, value, False, sentence, clause, None, details)
    if value >= SAME_SIZES:
        sentence = f"With all weights drawn anew the map is still much the same: the rank correlation of its sizes is {value:.2f}{change}."
        clause = f"a network that learnt nothing gives much the same map (rank correlation {value:.2f})"
        return Finding(name, value, False, sentence, clause, None, details)
    sentence = (
        f"With all weights drawn anew it is another map: the rank correlation of its sizes is {value:.2f}{change}."
    )
    return Finding(name, value, True, sentence, "", None, details)
