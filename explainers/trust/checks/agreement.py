"""Agreement: do other maps of the same input show the same places."""

from __future__ import annotations

import pandas as pd

from explainers.core.errors import VitrineError
from explainers.trust.context import CheckContext, heatmap_of
from explainers.trust.finding import Finding
from explainers.trust.ranking import spearman, top_overlap
from explainers.trust.registry import Asks, CheckOptions, check


@check(
    "agreement",
    options=CheckOptions,
    title="Agreement",
    citation="Krishna et al. 2022, arXiv:2202.01602",
    says="Mean rank correlation with the other maps of this input. Methods that agree may still all be wrong.",
    better=None,
    low=-1,
    high=1,
    needs=Asks.OTHERS,
    quick=True,
)
def agreement(context: CheckContext, options: CheckOptions) -> Finding:
    """Mean over the other maps; in the table also the intersection over union of the strongest tenth."""
    rows = []
    for other in context.others:
        heat = heatmap_of(other, options.reduce)
        if heat.shape != context.heat.shape:
            raise VitrineError(
                f"The map by {other.method} has the shape {tuple(heat.shape)} and this one {tuple(context.heat.shape)}; "
                "compare maps of one input."
            )
        rows.append(
            {
                "method": other.method,
                "layer": other.layer,
                "rank correlation": spearman(context.heat, heat),
                "overlap of the top 10 %": top_overlap(context.heat, heat),
            }
        )
    table = pd.DataFrame(rows)
    known = table["rank correlation"].dropna()
    if known.empty:
        return Finding("agreement", None, None, "A constant map has no ranks to compare.", "", table)
    value, shared = float(known.mean()), float(table["overlap of the top 10 %"].mean())
    others = f"{len(rows)} other map{'s' if len(rows) > 1 else ''}"
    sentence = (
        f"Its rank correlation with {others} is {value:.2f} on average; the strongest tenths overlap by {shared:.0%}."
    )
    clause = f"it agrees with {others} at a rank correlation of {value:.2f}"
    return Finding("agreement", value, None, sentence, clause, table, {"overlap of the top 10 %": shared})
