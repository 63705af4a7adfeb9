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
from explainers.perturbation._family import HIDDEN, RegionOptions, count_regions, perturbation
from explainers.perturbation._region_scores import regions_to_scores

LARGEST = 16  # regions whose combinations are enumerated: 65,536 passes


class ExactShapleyOptions(RegionOptions):
    regions: int = Field(10, ge=2, le=LARGEST, description="About how many regions; every one more doubles the passes.")


def _exact_cost(shape: Sequence[int], options: ExactShapleyOptions) -> Cost:
    count = count_regions(shape, options)
    _refuse_many(count)
    return Cost(shape[0] * (2**count + 1), 0)


def _refuse_many(count: int) -> None:
    if count > LARGEST:
        raise VitrineError(
            f"Exact Shapley values of {count:,} regions would take 2^{count} passes; ask for at most {LARGEST} regions, "
            "cut by grid, or use shapley-sampling or kernel-shap."
        )


@perturbation(
    "shapley",
    options=ExactShapleyOptions,
    title="Shapley values, exact",
    needs=Needs.SCORES,
    cost=_exact_cost,
    citation="Shapley 1953; Strumbelj & Kononenko 2010, JMLR 11",
    shows="Each region's fair share of the score: what uncovering it adds, averaged over every order of uncovering.",
    caveat=HIDDEN + " Exact, but only for the few regions whose every combination can be tried.",
    signed=True,
)
def shapley(run: Run, inputs: Tensor, target: Target, options: ExactShapleyOptions) -> Tensor:
    """Shapley values by enumeration, given to each pixel of a region: (N, H, W), or (N, F)."""
    maps = []
    for place in range(len(inputs)):
        one = inputs if len(inputs) == 1 else inputs[place : place + 1]
        regions, chunks = regions_to_scores(run, one, target.take([place]), options, _every_subset)
        scores = torch.cat([scores for _, scores in chunks])
        maps.append(exact_values(scores).to(one)[regions])
    return torch.stack(maps)


def _every_subset(count: int) -> Tensor:
    _refuse_many(count)
    return (torch.arange(2**count)[:, None] >> torch.arange(count)) % 2 == 1


def exact_values(scores: Tensor) -> Tensor:
    """Shapley values (R,) from the scores (2^R,) of all subsets; bit r of a subset's number says whether r is in it."""
    count = int(math.log2(len(scores)))
    numbers = torch.arange(len(scores))
    sizes = ((numbers[:, None] >> torch.arange(count)) % 2).sum(1)
    orders = torch.tensor([1 / (count * math.comb(count - 1, min(s, count - 1))) for s in range(count + 1)]).to(scores)
    values = []
    for region in range(count):
        without = numbers[(numbers >> region) % 2 == 0]
        gains = scores[without + 2**region] - scores[without]
        values.append((orders[sizes[without]] * gains).sum())
    return torch.stack(values)
