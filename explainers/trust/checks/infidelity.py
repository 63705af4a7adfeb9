"""Infidelity: does the map foretell what covering a part of the input does. Captum is its test.

Yeh et al. 2019 (arXiv:1901.09392)."""

from __future__ import annotations

import pandas as pd
import torch
from pydantic import Field
from torch import Tensor

from explainers.core.cost import Cost
from explainers.core.rng import seeded_generator
from explainers.engine.variant_scores import variant_scores
from explainers.inputs.baselines import Fill, baseline_for
from explainers.trust.context import CheckContext, holds_gradients
from explainers.trust.finding import Finding, no_finite_scores, percent
from explainers.trust.registry import Asks, SeedOptions, check

TELLING = 0.5  # of what a flat map leaves open; maps in random places hardly ever come so far


class InfidelityOptions(SeedOptions):
    samples: int = Field(100, ge=2, le=5000, description="Random squares that are covered, one at a time.")
    largest: float = Field(
        0.5, gt=0, le=1, description="Side of the largest square, as a share of the picture's shorter side."
    )
    fill: Fill = Field(Fill.MEAN, description="What is seen where the picture is covered.")


def random_squares(one: Tensor, options: InfidelityOptions) -> Tensor:
    """Where each sample covers the input, bool on the CPU: squares (S, 1, H, W); of a vector, random features (S, F)."""
    source = seeded_generator("cpu", options.seed)
    count = options.samples
    if one.ndim == 2:
        features = one.shape[1]
        how_many = torch.randint(1, max(1, round(options.largest * features)) + 1, (count, 1), generator=source)
        places = torch.rand((count, features), generator=source).argsort(1).argsort(1)
        return places < how_many
    height, width = one.shape[-2:]
    longest = max(1, round(options.largest * min(height, width)))
    side = torch.randint(1, longest + 1, (count, 1), generator=source)
    lines = []
    for length in (height, width):
        start = (torch.rand((count, 1), generator=source) * (length - side + 1)).long()
        place = torch.arange(length)
        lines.append((place >= start) & (place < start + side))
    return (lines[0].unsqueeze(2) & lines[1].unsqueeze(1)).unsqueeze(1)


@check(
    "infidelity",
    options=InfidelityOptions,
    title="Infidelity",
    citation="Yeh et al. 2019, arXiv:1901.09392",
    says="The mean squared error of what the map foretells when a random square is covered, once the map is brought to the best scale; "
    "in units of the score, squared.",
    better="lower",
    low=0,
    high=None,
    needs=Asks.SCORES,
    cost=lambda attribution, options, rerun: Cost(options.samples + 1),
)
def infidelity(context: CheckContext, options: InfidelityOptions) -> Finding:
    """Captum's infidelity with normalize=True: mean (scale * foretold - drop)^2 with the scale that makes it least.

    What is foretold: of maps of slopes, the change of the input times the map; of all others, which are in shares of the score, the
    sum of the map over what is covered. A flat map, which foretells by the size of a square alone, foretells a good part; what a
    map explains beyond it is the share of the rest that it foretells, not below 0.
    """
    run, one, attribution = context.run, context.input, context.attribution
    squares = random_squares(one, options)
    filled = baseline_for(context.model, one, Fill.MEAN if options.fill is Fill.INPAINT else options.fill, options.seed)
    slopes = holds_gradients(attribution) and attribution.values.shape == one.shape
    shares = (attribution.values.to(one) * (one - filled))[0].cpu().double() if slopes else context.heat
    weights = shares.flatten() if one.ndim == 2 else shares.reshape(-1, *one.shape[2:]).sum(0).flatten()

    def versions(numbers: slice) -> tuple[Tensor, Tensor]:
        covered = squares[numbers]
        return torch.where(covered.to(one.device), filled, one), covered.flatten(1).double() @ weights

    foretold, scores = zip(*variant_scores(run, one, context.target, options.samples, versions), strict=True)
    drop = run.scores(one, context.target).cpu().double() - torch.cat(scores).cpu().double()
    if not bool(drop.isfinite().all()):
        return no_finite_scores("infidelity")
    told = torch.cat(foretold)
    value, scale = least_error(told, drop)
    flat, _ = least_error(squares.flatten(1).sum(1).double(), drop)
    table = pd.DataFrame({"foretold": (scale * told), "drop of the score": drop})
    beyond = max(0.0, 1 - value / flat) if flat > 0 else 0.0
    return _infidelity(value, scale, beyond if bool(drop.any()) else None, table)


def least_error(told: Tensor, drop: Tensor) -> tuple[float, float]:
    """The mean squared error of scale * told, with the scale that makes it least, and that scale; 1 for a map that foretells nothing.

    Args:
        told, drop: (S,).
    """
    square = float((told * told).sum())
    scale = float((told * drop).sum()) / square if square > 0 else 1.0
    return float((scale * told - drop).square().mean()), scale


def _infidelity(value: float, scale: float, beyond: float | None, table: pd.DataFrame) -> Finding:
    details = {"scale": scale, "explained beyond a flat map": beyond}
    if beyond is None:
        return Finding(
            "infidelity",
            value,
            None,
            "The score does not answer to covered squares, so nothing can be foretold.",
            "",
            table,
            details,
        )
    if scale <= 0:
        said = "its strong places raise the score when they are covered, on average"
        return Finding("infidelity", value, False, f"The map runs against the score: {said}.", said, table, details)
    if beyond < 0.01:
        said = "foretells how the score answers to covered squares no better than a flat map"
        return Finding("infidelity", value, False, f"The map {said}.", f"it {said}", table, details)
    said = f"foretells {percent(beyond)} of what a flat map leaves open in how the score answers to covered squares"
    good = True if beyond >= TELLING else None
    return Finding("infidelity", value, good, f"The map {said}.", f"it {said}", table, details)
