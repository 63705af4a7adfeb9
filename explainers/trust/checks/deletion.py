"""Deletion: cover the pixels that a map ranks highest, and watch the score fall.

Petsiuk, Das & Saenko 2018 (arXiv:1806.07421)."""

from __future__ import annotations

from explainers.trust.checks._covering import PETSIUK, CoverOptions, compare_orders, covering_cost
from explainers.trust.context import CheckContext
from explainers.trust.finding import Finding
from explainers.trust.registry import Asks, check


@check(
    "deletion",
    options=CoverOptions,
    title="Deletion",
    citation=PETSIUK,
    says="The mean probability (or score) while the pixels are covered in the map's order, against fair opponents and from the "
    "centre outwards.",
    better="lower",
    low=0,
    high=1,
    needs=Asks.SCORES,
    cost=covering_cost,
)
def deletion(context: CheckContext, options: CoverOptions) -> Finding:
    """Mean of the curve after each step: 0 where the first step already removes everything."""
    return compare_orders(context, options, insert=False)
