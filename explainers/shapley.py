"""Shapley values of regions: each region's fair share of the score, exactly or from random orders.

Shapley 1953, A value for n-person games; as an explanation: Strumbelj & Kononenko 2010 (JMLR 11).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from explainers.core.attribution import Cost
from explainers.core.errors import VitrineError
from explainers.core.estimate import Estimate, SampledOptions
from explainers.core.model import Needs
from explainers.core.rng import seeded_generator
from explainers.core.run import Run
from explainers.core.target import Target
from explainers.perturbation import HIDDEN, RegionOptions, count_regions, on_regions, perturbation, regions_to_scores

LARGEST = 16  # regions whose combinations are enumerated: 65,536 passes


class ExactShapleyOptions(RegionOptions):
    regions: int = Field(10, ge=2, le=LARGEST, description="About how many regions; every one more doubles the passes.")


class ShapleySamplingOptions(RegionOptions, SampledOptions):
    regions: int = Field(30, ge=2, le=400, description="About how many regions.")
    orders: int = Field(
        40, ge=2, le=2000, description="Random orders in which regions are uncovered, each also in reverse."
    )


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


def _sampling_cost(shape: Sequence[int], options: ShapleySamplingOptions) -> Cost:
    return Cost(shape[0] * (2 * options.orders * (count_regions(shape, options) + 1) + 1), 0)


@dataclass(frozen=True)
class Uncovering:
    """For every order nothing shown, then one region more at a time, up to all: rows (O (R + 1), R), made when they are asked for.

    All at once they are R + 1 times as many numbers as the orders: a quarter of a gigabyte at the largest options.

    Attributes:
        ranks: the place of every region in every order, (O, R).
    """

    ranks: Tensor

    def __len__(self) -> int:
        return len(self.ranks) * (self.ranks.shape[1] + 1)

    def __getitem__(self, numbers: slice) -> Tensor:
        number = torch.arange(numbers.start, numbers.stop)
        steps = self.ranks.shape[1] + 1
        return self.ranks[number // steps] < (number % steps)[:, None]


@perturbation(
    "shapley-sampling",
    title="Shapley values, sampled",
    needs=Needs.SCORES,
    cost=_sampling_cost,
    citation="Castro, Gómez & Tejada 2009, doi:10.1016/j.cor.2008.04.004; reversed orders of Mitchell et al. 2022, arXiv:2104.12199",
    shows="Each region's fair share of the score: what uncovering it adds, averaged over random orders of uncovering.",
    caveat=HIDDEN + " It is a sample: the standard error beside it says how far to trust small differences.",
    signed=True,
)
def shapley_sampling(run: Run, one: Tensor, target: Target, options: ShapleySamplingOptions) -> Iterator[Estimate]:
    """Mean gain of every region over random orders and their reverses, (H, W) or (F,); adds up exactly as Shapley values do."""
    orders = torch.empty(0)

    def draws(count: int) -> Uncovering:
        nonlocal orders
        source = seeded_generator("cpu", options.seed)
        forward = torch.rand(options.orders, count, generator=source).argsort(1)
        orders = torch.stack([forward, forward.flip(1)], 1).flatten(0, 1)  # (2 orders, R)
        return Uncovering(orders.argsort(1))

    regions, chunks = regions_to_scores(run, one, target, options, draws)
    count = orders.shape[1]
    scores = torch.empty(0, dtype=torch.float64)
    for _, more in chunks:
        scores = torch.cat([scores, more])
        pairs = len(scores) // (2 * (count + 1))
        if pairs == 0:
            continue
        steps = scores[: pairs * 2 * (count + 1)].view(2 * pairs, count + 1).diff(dim=1)
        gains = torch.empty_like(steps).scatter_(1, orders[: 2 * pairs], steps)
        means = gains.view(pairs, 2, count).mean(1)
        error = means.std(0) / math.sqrt(pairs) if pairs > 1 else None
        yield on_regions(means.mean(0), error, pairs / options.orders, regions, one)
