"""Shapley values of regions from random orders of uncovering them.

Castro, Gómez & Tejada 2009 (doi:10.1016/j.cor.2008.04.004)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from explainers.core.capabilities import Needs
from explainers.core.cost import Cost
from explainers.core.estimate import Estimate, SampledOptions
from explainers.core.rng import seeded_generator
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.perturbation._family import FILL_CAVEAT, RegionOptions, count_regions, perturbation
from explainers.perturbation._region_scores import coalition_scores, region_estimate


class ShapleySamplingOptions(RegionOptions, SampledOptions):
    regions: int = Field(30, ge=2, le=400, description="About how many regions.")
    orders: int = Field(
        40, ge=2, le=2000, description="Random orders in which regions are uncovered, each also in reverse."
    )


def _shapley_sampling_cost(shape: Sequence[int], options: ShapleySamplingOptions) -> Cost:
    return Cost(shape[0] * (2 * options.orders * (count_regions(shape, options) + 1) + 1), 0)


@dataclass(frozen=True)
class Uncovering:
    """Coalitions (O (R + 1), R): for every order nothing shown, then one region more at a time, up to all.

    Made when they are asked for: all at once they are R + 1 times as many numbers as the orders, a quarter of a gigabyte
    at the largest options.

    Attributes:
        ranks: the place of every region in every order, (O, R).
    """

    ranks: Tensor

    def __len__(self) -> int:
        return len(self.ranks) * (self.ranks.shape[1] + 1)

    def __getitem__(self, rows: slice) -> Tensor:
        row = torch.arange(rows.start, rows.stop)
        steps = self.ranks.shape[1] + 1
        return self.ranks[row // steps] < (row % steps)[:, None]


@perturbation(
    "shapley-sampling",
    options=ShapleySamplingOptions,
    title="Shapley values, sampled",
    needs=Needs.SCORES,
    cost=_shapley_sampling_cost,
    citation="Castro, Gómez & Tejada 2009, doi:10.1016/j.cor.2008.04.004; reversed orders of Mitchell et al. 2022, arXiv:2104.12199",
    shows="Each region's fair share of the score: what uncovering it adds, averaged over random orders of uncovering.",
    caveat=FILL_CAVEAT + " It is a sample: the standard error beside it says how far to trust small differences.",
    signed=True,
)
def shapley_sampling(run: Run, input: Tensor, target: Target, options: ShapleySamplingOptions) -> Iterator[Estimate]:
    """Mean over random orders and their reverses of what uncovering a region adds, given to each of its pixels.

    (H, W) or (F,), in units of the score; they add up to score - score with all hidden, exactly.
    """
    orders = torch.empty(0)

    def draw(count: int) -> Uncovering:
        nonlocal orders
        generator = seeded_generator("cpu", options.seed)
        forward = torch.rand(options.orders, count, generator=generator).argsort(1)
        orders = torch.stack([forward, forward.flip(1)], 1).flatten(0, 1)  # (2 orders, R)
        return Uncovering(orders.argsort(1))

    regions, chunks = coalition_scores(run, input, target, options, draw)
    count = orders.shape[1]
    scores = torch.empty(0, dtype=torch.float64)
    for _, chunk_scores in chunks:
        scores = torch.cat([scores, chunk_scores])
        pairs = len(scores) // (2 * (count + 1))
        if pairs == 0:
            continue
        steps = scores[: pairs * 2 * (count + 1)].view(2 * pairs, count + 1).diff(dim=1)
        gains = torch.empty_like(steps).scatter_(1, orders[: 2 * pairs], steps)
        means = gains.view(pairs, 2, count).mean(1)
        error = means.std(0) / math.sqrt(pairs) if pairs > 1 else None
        yield region_estimate(means.mean(0), error, pairs / options.orders, regions, input)
