"""Is it a map at all: blank, constant, not finite or saturated maps, found without a single pass."""

from __future__ import annotations

import torch

from explainers.trust.context import CheckContext
from explainers.trust.finding import Finding, percent
from explainers.trust.registry import Asks, CheckOptions, check

SATURATED = 0.5  # of the values at the very top of the scale


@check(
    "map",
    options=CheckOptions,
    title="Is it a map",
    citation="None: arithmetic on the values",
    says="Whether the map has anything to show: it is not blank, not constant, not saturated, and every value is a number.",
    better="higher",
    low=0,
    high=1,
    needs=Asks.NOTHING,
    quick=True,
)
def is_a_map(context: CheckContext, options: CheckOptions) -> Finding:
    """1 if there is something to look at, else 0."""
    values = context.attribution.values
    finite = torch.isfinite(values)
    broken = int((~finite).sum())
    finite_values = values[finite].double()
    largest = float(finite_values.abs().max()) if len(finite_values) else 0.0
    top = float((finite_values.abs() >= largest * (1 - 1e-6)).double().mean()) if largest > 0 else 0.0
    details = {"not finite": broken, "largest absolute value": largest, "share at the largest": top}
    fault = None
    if broken:
        fault = f"{percent(broken / values.numel())} of its values are not numbers (NaN or infinite)"
    elif largest == 0:
        fault = "it is blank: every value is zero"
    elif float(finite_values.max()) == float(finite_values.min()):
        fault = f"it is constant: every value is {float(finite_values[0]):.4g}"
    elif top >= SATURATED:
        fault = f"it is saturated: {percent(top)} of its values are at the very top of the scale"
    if fault is None:
        return Finding(
            "map", 1.0, True, "The map has something to show: its values are finite and differ.", "", None, details
        )
    return Finding("map", 0.0, False, f"This is not a map to read: {fault}.", fault, None, details)
