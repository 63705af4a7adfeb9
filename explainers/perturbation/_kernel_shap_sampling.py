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

ENOUGH = 10**12
"""Coalitions of one size: of more than so many there might as well be any number."""


@dataclass(frozen=True)
class Coalitions:
    """Coalitions in random order, each followed by its complement.

    Attributes:
        shown: which regions each of them shows, (2 P, R) bool.
        weights: of each in the regression, (2 P,) float64.
        chance: with which each was drawn, (2 P,) float64; 1 where all of its size are here.
    """

    shown: Tensor
    weights: Tensor
    chance: Tensor


def count_pairs(regions: int, pairs: int) -> int:
    """How many pairs `draw_coalitions` draws: as many as asked for, or all there are."""
    return min(pairs, max(1, (1 << (regions - 1)) - 1))


def draw_coalitions(regions: int, pairs: int, seed: int) -> Coalitions:
    """So many pairs of coalitions of `regions` regions, neither empty nor whole; all of them where there are no more."""
    if regions == 1:  # then its pair is all and nothing
        return Coalitions(torch.tensor([[True], [False]]), *torch.ones(2, 2, dtype=torch.float64))
    source = seeded_generator("cpu", seed)
    pairs = count_pairs(regions, pairs)
    smaller = range(1, regions // 2 + 1)  # sizes of the smaller one of a pair
    there = _pairs_of_size(regions)
    mass = {size: (1 if 2 * size == regions else 2) / (size * (regions - size)) for size in smaller}
    expected = _shared_out(pairs, mass, there)
    reached = float(torch.rand((), generator=source)) + 1e-9
    shown, weights, chance = [], [], []
    for size in smaller:
        before, reached = math.floor(reached), reached + expected[size]
        count = math.floor(reached) - before  # as many as expected, rounded so that they add up
        shown.append(_different(regions, size, count, there[size], source))
        weights += [mass[size] / expected[size]] * count
        chance += [expected[size] / there[size]] * count
    order = torch.randperm(len(weights), generator=source)
    rows = torch.cat(shown)[order]
    return Coalitions(
        torch.stack([rows, ~rows], 1).flatten(0, 1),
        torch.tensor(weights, dtype=torch.float64)[order].repeat_interleave(2),
        torch.tensor(chance, dtype=torch.float64)[order].repeat_interleave(2),
    )


def _pairs_of_size(regions: int) -> dict[int, int]:
    """How many pairs there are by the size of the smaller one, up to `ENOUGH`."""
    found, count = {}, 0
    for size in range(1, regions // 2 + 1):
        if count < ENOUGH:  # from there on they are only more, and numbers of hundreds of digits
            count = min(ENOUGH, math.comb(regions, size) // (2 if 2 * size == regions else 1))
        found[size] = count
    return found


def _shared_out(pairs: int, mass: dict[int, float], there: dict[int, int]) -> dict[int, float]:
    """How many pairs of every size to expect: in proportion to their mass, but no more than there are."""
    whole: set[int] = set()
    while True:
        left = pairs - sum(there[size] for size in whole)
        rest = sum(mass[size] for size in mass if size not in whole)
        expected = {size: there[size] if size in whole else left * mass[size] / rest for size in mass}
        more = {size for size in mass if expected[size] >= there[size]}
        if more == whole:
            return expected
        whole = more


def _different(regions: int, size: int, count: int, there: int, source: torch.Generator) -> Tensor:
    """So many different coalitions of one size, one of each pair, (count, R) bool."""
    if there <= 4 * count:
        every = itertools.islice(itertools.combinations(range(regions), size), there)  # of halves, those with region 0
        chosen = torch.tensor(list(every)).view(there, size)[torch.randperm(there, generator=source)[:count]]
        return torch.zeros(count, regions, dtype=torch.bool).scatter_(1, chosen, True)
    found = torch.zeros(0, regions, dtype=torch.bool)
    while len(found) < count:
        rank = torch.rand(2 * count, regions, generator=source).argsort(1).argsort(1)
        drawn = rank < size
        if 2 * size == regions:
            drawn = drawn ^ ~drawn[:, :1]  # of halves, those with region 0
        found = torch.cat([found, drawn]).unique(dim=0)  # type: ignore[no-untyped-call]
    return found[torch.randperm(len(found), generator=source)[:count]]
