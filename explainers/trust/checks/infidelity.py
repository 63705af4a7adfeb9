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


def random_squares(input: Tensor, options: InfidelityOptions) -> Tensor:
    """Where each sample covers the input, bool on the CPU: squares (S, 1, H, W); of a vector, random features (S, F)."""
    source = seeded_generator("cpu", options.seed)
    count = options.samples
    if input.ndim == 2:
        features = input.shape[1]
        how_many = torch.randint(1, max(1, round(options.largest * features)) + 1, (count, 1), generator=source)
        ranks = torch.rand((count, features), generator=source).argsort(1).argsort(1)
        return ranks < how_many
    height, width = input.shape[-2:]
    longest = max(1, round(options.largest * min(height, width)))
    side = torch.randint(1, longest + 1, (count, 1), generator=source)
    edges = []
    for length in (height, width):
        start = (torch.rand((count, 1), generator=source) * (length - side + 1)).long()
        position = torch.arange(length)
        edges.append((position >= start) & (position < start + side))
    return (edges[0].unsqueeze(2) & edges[1].unsqueeze(1)).unsqueeze(1)


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
    run, input, attribution = context.run, context.input, context.attribution
    squares = random_squares(input, options)
    baseline = baseline_for(
        context.model, input, Fill.MEAN if options.fill is Fill.INPAINT else options.fill, options.seed
    )
    is_gradient = holds_gradients(attribution) and attribution.values.shape == input.shape
    share_values = (
        (attribution.values.to(input) * (input - baseline))[0].cpu().double() if is_gradient else context.heat
    )
    weights = share_values.flatten() if input.ndim == 2 else share_values.reshape(-1, *input.shape[2:]).sum(0).flatten()

    def covered_variants(variants: slice) -> tuple[Tensor, Tensor]:
        covered = squares[variants]
        return torch.where(covered.to(input.device), baseline, input), covered.flatten(1).double() @ weights

    foretold_of_chunks, scores = zip(
        *variant_scores(run, input, context.target, options.samples, covered_variants), strict=True
    )
    drop = run.scores(input, context.target).cpu().double() - torch.cat(scores).cpu().double()
    if not bool(drop.isfinite().all()):
        return no_finite_scores("infidelity")
    foretold = torch.cat(foretold_of_chunks)
    value, scale = least_error(foretold, drop)
    flat, _ = least_error(squares.flatten(1).sum(1).double(), drop)
    table = pd.DataFrame({"foretold": (scale * foretold), "drop of the score": drop})
    beyond = max(0.0, 1 - value / flat) if flat > 0 else 0.0
    return _finding(value, scale, beyond if bool(drop.any()) else None, table)


def least_error(foretold: Tensor, drop: Tensor) -> tuple[float, float]:
    """The mean squared error of scale * told, with the scale that makes it least, and that scale; 1 for a map that foretells nothing.

    Args:
        foretold, drop: (S,).
    """
    square = float((foretold * foretold).sum())
    scale = float((foretold * drop).sum()) / square if square > 0 else 1.0
    return float((scale * foretold - drop).square().mean()), scale


def _finding(value: float, scale: float, beyond: float | None, table: pd.DataFrame) -> Finding:
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
        words = "its strong places raise the score when they are covered, on average"
        return Finding("infidelity", value, False, f"The map runs against the score: {words}.", words, table, details)
    if beyond < 0.01:
        words = "foretells how the score answers to covered squares no better than a flat map"
        return Finding("infidelity", value, False, f"The map {words}.", f"it {words}", table, details)
    words = f"foretells {percent(beyond)} of what a flat map leaves open in how the score answers to covered squares"
    good = True if beyond >= TELLING else None
    return Finding("infidelity", value, good, f"The map {words}.", f"it {words}", table, details)
