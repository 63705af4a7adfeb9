"""Where truth is known: does the map lie where the evidence is."""

from __future__ import annotations

from torch import Tensor

from explainers.trust.context import CheckContext
from explainers.trust.finding import Finding, percent
from explainers.trust.ranking import overlap, top_mask
from explainers.trust.registry import Asks, CheckOptions, check


def energy_share(heat: Tensor, mask: Tensor) -> float | None:
    """Share of a map's positive values that lie inside the mask, 0 to 1; None where none is positive."""
    positive = heat.double().clamp_min(0)
    total = float(positive.sum())
    return min(1.0, float(positive[mask].sum()) / total) if total > 0 else None


def pointing_hit(heat: Tensor, mask: Tensor) -> float:
    """The pointing game: 1 if the maximum of the map lies inside the mask, else 0; if several places share it, their share inside."""
    strongest = heat == heat.max()
    return float(mask[strongest].double().mean())


def _finding(name: str, value: float, chance: float, sentence: str, clause: str) -> Finding:
    """A finding that is good from one half on, and bad where a map that knows nothing would do as well."""
    good = True if value >= 0.5 else (False if value <= chance else None)
    return Finding(name, value, good, sentence, clause, None, {"by chance": chance})


def _truth_and_chance(context: CheckContext) -> tuple[Tensor, float]:
    assert context.truth is not None  # Asks.TRUTH
    return context.truth, float(context.truth.double().mean())


@check(
    "pointing-game", options=CheckOptions,
    title="Pointing game",
    citation="Zhang et al. 2016, arXiv:1608.00507",
    says="Whether the strongest point of the map lies where the evidence is known to be.",
    better="higher", low=0, high=1, needs=Asks.TRUTH | Asks.IMAGES, quick=True,
)  # fmt: skip
def pointing_game(context: CheckContext, options: CheckOptions) -> Finding:
    """1 or 0; a share where several points are equally strong."""
    mask, chance = _truth_and_chance(context)
    value = pointing_hit(context.heat, mask)
    where = "inside" if value == 1 else ("outside" if value == 0 else "partly inside")
    clause = f"its strongest point lies {where} the marked region"
    return _finding("pointing-game", value, chance, f"{clause.capitalize()}.", clause)


@check(
    "energy-inside", options=CheckOptions,
    title="Energy inside",
    citation="Wang et al. 2020, arXiv:1910.01279",
    says="The share of the map's positive values that lie where the evidence is known to be.",
    better="higher", low=0, high=1, needs=Asks.TRUTH | Asks.IMAGES, quick=True,
)  # fmt: skip
def energy_inside(context: CheckContext, options: CheckOptions) -> Finding:
    """Sum of the positive values inside, over all of them."""
    mask, chance = _truth_and_chance(context)
    value = energy_share(context.heat, mask)
    if value is None:
        return Finding(
            "energy-inside", None, None, "No value of the map is positive, so there is nothing to find inside."
        )
    sentence = f"{percent(value)} of the map's positive values lie inside the marked region, which is {percent(chance)} of the picture."
    return _finding("energy-inside", value, chance, sentence, f"{percent(value)} of it lies inside the marked region")


@check(
    "truth-overlap", options=CheckOptions,
    title="Overlap with the truth",
    citation="Jaccard 1912, doi:10.1111/j.1469-8137.1912.tb05611.x",
    says="Intersection over union of the region and as many of the strongest pixels as it has.",
    better="higher", low=0, high=1, needs=Asks.TRUTH | Asks.IMAGES, quick=True,
)  # fmt: skip
def truth_overlap(context: CheckContext, options: CheckOptions) -> Finding:
    """Intersection over union, with the size of the region as the threshold."""
    mask, chance = _truth_and_chance(context)
    value = overlap(top_mask(context.heat, int(mask.sum())), mask)
    sentence = f"The strongest pixels, as many as the marked region has, and the region overlap by {percent(value)} of their union."
    return _finding("truth-overlap", value, chance / (2 - chance), sentence, "")


@check(
    "relevance-rank-accuracy", options=CheckOptions,
    title="Relevance-rank accuracy",
    citation="Arras, Osman & Samek 2022, arXiv:2003.07258",
    says="Of as many of the strongest pixels as the region has, the share that lie in it.",
    better="higher", low=0, high=1, needs=Asks.TRUTH | Asks.IMAGES, quick=True,
)  # fmt: skip
def relevance_rank_accuracy(context: CheckContext, options: CheckOptions) -> Finding:
    """Share of the strongest K pixels inside the region of K pixels."""
    mask, chance = _truth_and_chance(context)
    count = int(mask.sum())
    value = int((top_mask(context.heat, count) & mask).sum()) / count
    sentence = f"Of the {count} strongest pixels, as many as the marked region has, {percent(value)} lie inside it."
    return _finding("relevance-rank-accuracy", value, chance, sentence, "")
