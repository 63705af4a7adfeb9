"""Max-sensitivity: does the map stay put under small changes of the input. Captum is its test.

Yeh et al. 2019 (arXiv:1901.09392)."""

from __future__ import annotations

import pandas as pd
import torch
from pydantic import Field
from torch import Tensor

from explainers.core.rng import seeded_generator
from explainers.trust.context import CheckContext
from explainers.trust.finding import Finding, percent
from explainers.trust.registry import Asks, SeedOptions, check


class MaxSensitivityOptions(SeedOptions):
    radius: float = Field(0.02, gt=0, le=1, description="Largest change of any input value, in units of the input.")
    samples: int = Field(10, ge=1, le=200, description="Random changes; each takes a run of the method.")


def nudges(input: Tensor, options: MaxSensitivityOptions) -> Tensor:
    """Changes of the input, uniform within the radius, (S, ...), on the CPU."""
    source = seeded_generator("cpu", options.seed)
    drawn = torch.rand((options.samples, *input.shape[1:]), generator=source, dtype=torch.float64)
    return (2 * drawn - 1) * options.radius


@check(
    "max-sensitivity",
    options=MaxSensitivityOptions,
    title="Max-sensitivity",
    citation="Yeh et al. 2019, arXiv:1901.09392",
    says="How far the map moves, at most, when every input value changes by a little at random: as a share of the map's own length.",
    better="lower",
    low=0,
    high=None,
    needs=Asks.RERUNS,
    cost=lambda attribution, options, rerun: rerun * (options.samples + 1),
)
def max_sensitivity(context: CheckContext, options: MaxSensitivityOptions) -> Finding:
    """Largest ||map of the changed input - map|| / ||map||, Euclidean, over the raw values."""
    changed = context.input + nudges(context.input, options).to(context.input)
    maps = context.rerun_values(torch.cat([context.input, changed])).flatten(1)
    if not bool(torch.isfinite(maps).all()) or float(maps[0].norm()) == 0:
        sentence = "The map is blank or has values that are not numbers, so there is nothing to compare with."
        return Finding("max-sensitivity", None, None, sentence)
    moved = (maps[1:] - maps[0]).norm(dim=1) / maps[0].norm()
    value = float(moved.max())
    table = pd.DataFrame({"change": range(1, options.samples + 1), "moved, share of the map's length": moved})
    sentence = f"When every input value changes by up to {options.radius:g}, the map moves by {percent(value)} of its own length at most."
    clause = "" if value < 1 else f"changes of {options.radius:g} move it by {percent(value)} of its own length"
    return Finding(
        "max-sensitivity", value, False if value >= 1 else None, sentence, clause, table, {"mean": float(moved.mean())}
    )
