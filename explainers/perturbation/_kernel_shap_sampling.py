"""The coalitions that KernelSHAP draws.

A coalition of s out of R regions has the Shapley kernel's weight (R - 1) / (binomial(R, s) s (R - s)) (Lundberg & Lee 2017,
arXiv:1705.07874). Here each is drawn together with its complement (Covert & Lee 2021, arXiv:2012.01536) and none twice
(Musco & Witter 2024, arXiv:2410.01917): sizes of which the kernel would draw more than there are, are taken whole."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from explainers.core.rng import seeded_generator

MOST_PAIRS = 10**12
"""Pairs of one size: of more than so many there might as well be any number."""


@dataclass(frozen=True)
class Coalitions:
    """Coalitions in random order, each followed by its complement.

    Attributes:
        shown: which regions each of them shows, (2 P, R) bool.
        weights: of each in the regression, (2 P,) float64.
        probabilities: with which each was drawn, (2 P,) float64; 1 where all of its size are here.
    """

    shown: Tensor
    weights: Tensor
    probabilities: Tensor


def count_pairs(regions: int, pairs: int) -> int:
    """How many pairs `draw_coalitions` draws: as many as asked for, or all there are."""
    return min(pairs, max(1, (1 << (regions - 1)) - 1))


def draw_coalitions(regions: int, pairs: int, seed: int) -> Coalitions:
    """So many pairs of coalitions of `regions` regions, neither empty nor whole; all of them where there are no more."""
    if regions == 1:  # then its pair is all and nothing
        return Coalitions(torch.tensor([[True], [False]]), *torch.ones(2, 2, dtype=torch.float64))
    generator = seeded_generator("cpu", seed)
    pairs = count_pairs(regions, pairs)
    sizes = range(1, regions // 2 + 1)  # of the smaller one of a pair
    available = _count_pairs_by_size(regions)
    mass = {size: (1 if 2 * size == regions else 2) / (size * (regions - size)) for size in sizes}
    expected = _expected_pairs_by_size(pairs, mass, available)
    cumulative = float(torch.rand((), generator=generator)) + 1e-9
    shown, weights, probabilities = [], [], []
    for size in sizes:
        before, cumulative = math.floor(cumulative), cumulative + expected[size]
        count = math.floor(cumulative) - before  # as many as expected, rounded so that they add up
        shown.append(_draw_of_size(regions, size, count, available[size], generator))
        weights += [mass[size] / expected[size]] * count
        probabilities += [expected[size] / available[size]] * count
    order = torch.randperm(len(weights), generator=generator)
    smaller = torch.cat(shown)[order]
    return Coalitions(
        torch.stack([smaller, ~smaller], 1).flatten(0, 1),
        torch.tensor(weights, dtype=torch.float64)[order].repeat_interleave(2),
        torch.tensor(probabilities, dtype=torch.float64)[order].repeat_interleave(2),
    )


def _count_pairs_by_size(regions: int) -> dict[int, int]:
    """How many pairs there are by the size of the smaller one, up to `MOST_PAIRS`."""
    counts, count = {}, 0
    for size in range(1, regions // 2 + 1):
        if count < MOST_PAIRS:  # from there on they are only more, and numbers of hundreds of digits
            count = min(MOST_PAIRS, math.comb(regions, size) // (2 if 2 * size == regions else 1))
        counts[size] = count
    return counts


def _expected_pairs_by_size(pairs: int, mass: dict[int, float], available: dict[int, int]) -> dict[int, float]:
    """How many pairs of every size to expect: in proportion to the size's mass, but no more than there are."""
    exhausted: set[int] = set()
    while True:
        left = pairs - sum(available[size] for size in exhausted)
        mass_left = sum(mass[size] for size in mass if size not in exhausted)
        expected = {size: available[size] if size in exhausted else left * mass[size] / mass_left for size in mass}
        now_exhausted = {size for size in mass if expected[size] >= available[size]}
        if now_exhausted == exhausted:
            return expected
        exhausted = now_exhausted


def _draw_of_size(regions: int, size: int, count: int, available: int, generator: torch.Generator) -> Tensor:
    """So many different coalitions of one size, one of each pair, (count, R) bool."""
    if available <= 4 * count:
        subsets = itertools.islice(
            itertools.combinations(range(regions), size), available
        )  # of halves, those with region 0
        rows = torch.tensor(list(subsets)).view(available, size)[torch.randperm(available, generator=generator)[:count]]
        return torch.zeros(count, regions, dtype=torch.bool).scatter_(1, rows, True)
    distinct = torch.zeros(0, regions, dtype=torch.bool)
    while len(distinct) < count:
        rank = torch.rand(2 * count, regions, generator=generator).argsort(1).argsort(1)
        drawn = rank < size
        if 2 * size == regions:
            drawn = drawn ^ ~drawn[:, :1]  # of halves, those with region 0
        distinct = torch.cat([distinct, drawn]).unique(dim=0)  # type: ignore[no-untyped-call]
    return distinct[torch.randperm(len(distinct), generator=generator)[:count]]
