"""Completeness: does the map sum up to what its method promises."""

from __future__ import annotations

from explainers.trust.context import CheckContext
from explainers.trust.finding import Finding, percent
from explainers.trust.registry import Asks, CheckOptions, check

SMALL = 0.05  # of the change of the score
NOTHING = 1e-6  # in units of the score


@check(
    "completeness",
    options=CheckOptions,
    title="Completeness",
    citation="Sundararajan, Taly & Yan 2017, arXiv:1703.01365",
    says="How far the sum of the map is from the change of the score that it shares out, as a share of that change.",
    better="lower",
    low=0,
    high=None,
    needs=Asks.PROMISE,
    quick=True,
)
def completeness(context: CheckContext, options: CheckOptions) -> Finding:
    """|sum of the map - change of the score| / |change of the score|."""
    promise = context.attribution.completeness
    assert promise is not None  # Asks.PROMISE
    total, expected = float(promise.total[0]), float(promise.expected[0])
    details = {"sum": total, "change of the score": expected}
    if abs(expected) < NOTHING:
        sentence = "The score does not change from the baseline to this input, so there is nothing to share out."
        return Finding("completeness", None, None, sentence, "", None, details)
    gap = abs(total - expected) / abs(expected)
    sentence = (
        f"The map sums up to {total:.3g}, and the score changes by {expected:.3g}: {percent(gap)} of the change is missing "
        "or too much."
    )
    clause = "" if gap <= SMALL else f"its sum misses the change of the score by {percent(gap)}"
    return Finding("completeness", gap, gap <= SMALL, sentence, clause, None, details)
