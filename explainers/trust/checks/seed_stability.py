"""Seed stability: the same map again from other random draws."""

from __future__ import annotations

import pandas as pd
from pydantic import Field

from explainers.trust.context import CheckContext, heatmap_of
from explainers.trust.finding import Finding
from explainers.trust.ranking import STEADY, spearman
from explainers.trust.registry import Asks, CheckOptions, check


class SeedStabilityOptions(CheckOptions):
    seeds: int = Field(3, ge=1, le=50, description="Other seeds; each takes a run of the method.")


@check(
    "seed-stability",
    options=SeedStabilityOptions,
    title="Seed stability",
    citation="Test-retest reliability, Spearman 1904, doi:10.2307/1412159",
    says="Mean rank correlation of the map with the same method's maps from other random draws.",
    better="higher",
    low=-1,
    high=1,
    needs=Asks.RERUNS | Asks.SEED,
    cost=lambda attribution, options, rerun: rerun * options.seeds,
)
def seed_stability(context: CheckContext, options: SeedStabilityOptions) -> Finding:
    """Mean over the seeds; None for a constant map."""
    own_seed = int(context.attribution.options.get("seed", 0))
    rows = []
    for seed in range(own_seed + 1, own_seed + 1 + options.seeds):
        heat = heatmap_of(context.rerun(context.input, share=1 / options.seeds, seed=seed), options.reduce)
        rows.append({"seed": seed, "rank correlation": spearman(context.heat, heat)})
    table = pd.DataFrame(rows)
    known = table["rank correlation"].dropna()
    if known.empty:
        return Finding("seed-stability", None, None, "The map is constant, so it has no ranks to compare.", "", table)
    value = float(known.mean())
    sentence = f"Drawn again with other seeds, the map's rank correlation with itself is {value:.2f}."
    clause = "" if value >= STEADY else f"other random draws give another map (rank correlation {value:.2f})"
    return Finding("seed-stability", value, value >= STEADY, sentence, clause, table, {"least": float(known.min())})
