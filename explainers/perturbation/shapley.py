"""Exact Shapley values of regions, by every combination of them.

Shapley 1953, A value for n-person games; as an explanation: Strumbelj & Kononenko 2010 (JMLR 11)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor

from explainers.core.capabilities import Needs
from explainers.core.cost import Cost
from explainers.core.errors import VitrineError
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.perturbation._family import FILL_CAVEAT, RegionOptions, count_regions, perturbation
from explainers.perturbation._region_scores import coalition_scores

MOST_REGIONS = 16  # whose combinations are enumerated: 65,536 passes


class ExactShapleyOptions(RegionOptions):
    regions: int = Field(
        10, ge=2, le=MOST_REGIONS, description="About how many regions; every one more doubles the passes."
    )


def _shapley_cost(shape: Sequence[int], options: ExactShapleyOptions) -> Cost:
    count = count_regions(shape, options)
    _refuse_many(count)
    return Cost(shape[0] * (2**count + 1), 0)


def _refuse_many(count: int) -> None:
    if count > MOST_REGIONS:
        raise VitrineError(
            f"Exact Shapley values of {count:,} regions would take 2^{count} passes; ask for at most {MOST_REGIONS} regions, "
            "cut by grid, or use shapley-sampling or kernel-shap."
        )


@perturbation(
    "shapley",
    options=ExactShapleyOptions,
    title="Shapley values, exact",
    needs=Needs.SCORES,
    cost=_shapley_cost,
    citation="Shapley 1953; Strumbelj & Kononenko 2010, JMLR 11",
    shows="Each region's fair share of the score: what uncovering it adds, averaged over every order of uncovering.",
    caveat=FILL_CAVEAT + " Exact, but only for the few regions whose every combination can be tried.",
    signed=True,
)
def shapley(run: Run, inputs: Tensor, target: Target, options: ExactShapleyOptions) -> Tensor:
    """Shapley values by enumeration, given to each pixel of a region: (N, H, W) or (N, F), in units of the score.

    They add up to score - score with all hidden.
    """
    maps = []
    for input_index in range(len(inputs)):
        input = inputs if len(inputs) == 1 else inputs[input_index : input_index + 1]
        regions, chunks = coalition_scores(run, input, target.take([input_index]), options, _every_subset)
        scores = torch.cat([scores for _, scores in chunks])
        maps.append(exact_shapley_values(scores).to(input)[regions])
    return torch.stack(maps)


def _every_subset(count: int) -> Tensor:
    """All subsets of so many regions, (2^R, R) bool, in the order that `exact_shapley_values` reads."""
    _refuse_many(count)
    return (torch.arange(2**count)[:, None] >> torch.arange(count)) % 2 == 1


def exact_shapley_values(scores: Tensor) -> Tensor:
    """Shapley values (R,) from the scores (2^R,) of all subsets; bit r of a subset's index says whether r is in it."""
    count = int(math.log2(len(scores)))
    subsets = torch.arange(len(scores))
    sizes = ((subsets[:, None] >> torch.arange(count)) % 2).sum(1)
    # By its size, the share of all orders in which just the regions of a subset come before a given other one.
    weights = torch.tensor([1 / (count * math.comb(count - 1, min(s, count - 1))) for s in range(count + 1)]).to(scores)
    values = []
    for region in range(count):
        without = subsets[(subsets >> region) % 2 == 0]
        gains = scores[without + 2**region] - scores[without]
        values.append((weights[sizes[without]] * gains).sum())
    return torch.stack(values)
