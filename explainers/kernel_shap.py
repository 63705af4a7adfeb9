"""KernelSHAP: Shapley values of regions by a weighted linear fit to the scores of coalitions of them.

A coalition of s out of R regions has the Shapley kernel's weight (R - 1) / (binomial(R, s) s (R - s)) (Lundberg & Lee 2017,
arXiv:1705.07874). Here each is drawn together with its complement (Covert & Lee 2021, arXiv:2012.01536) and none twice
(Musco & Witter 2024, arXiv:2410.01917): sizes of which the kernel would draw more than there are, are taken whole.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from explainers.core.attribution import Cost
from explainers.core.estimate import Estimate, SampledOptions
from explainers.core.model import Needs
from explainers.core.rng import seeded_generator
from explainers.core.run import Run
from explainers.core.target import Target
from explainers.perturbation import HIDDEN, RegionOptions, count_regions, on_regions, perturbation, regions_to_scores

ENOUGH = 10**12
"""Coalitions of one size: of more than so many there might as well be any number."""


class KernelShapOptions(RegionOptions, SampledOptions):
    samples: int = Field(1000, ge=20, le=20000, description="Pictures with some regions hidden.")


def _cost(shape: Sequence[int], options: KernelShapOptions) -> Cost:
    pairs = count_pairs(count_regions(shape, options), options.samples // 2)
    return Cost(shape[0] * (2 * pairs + 3), 0)


@perturbation(
    "kernel-shap",
    title="KernelSHAP",
    needs=Needs.SCORES,
    cost=_cost,
    citation="Lundberg & Lee 2017, arXiv:1705.07874; pairs of Covert & Lee 2021, arXiv:2012.01536, none twice, as in "
    "Musco & Witter 2024, arXiv:2410.01917",
    shows="Shapley values of the regions: each region's fair share of the score, estimated by a weighted linear fit. "
    "With so few regions that every combination fits into the samples, exactly.",
    caveat=HIDDEN + " Shares are fair by four axioms, over pictures most of which the model never saw.",
    signed=True,
)
def kernel_shap(run: Run, one: Tensor, target: Target, options: KernelShapOptions) -> Iterator[Estimate]:
    """Shapley values per region, given to each of its pixels, (H, W) or (F,); they add up to score - score of all hidden."""
    drawn: Coalitions

    def rows(count: int) -> Tensor:
        nonlocal drawn
        drawn = draw_coalitions(count, options.samples // 2, options.seed)
        return torch.cat([torch.tensor([[False] * count, [True] * count]), drawn.shown])

    regions, chunks = regions_to_scores(run, one, target, options, rows)
    seen: list[tuple[Tensor, Tensor]] = []
    for chunk in chunks:
        seen.append(chunk)
        shown, scores = (torch.cat(parts) for parts in zip(*seen, strict=True))
        if len(scores) < 3:
            continue
        nothing, everything = scores[:2].tolist()
        shown, scores = shown[2:], scores[2:] - nothing
        share = len(shown) / len(drawn.shown)
        weights, chance = drawn.weights[: len(shown)], drawn.chance[: len(shown)] * share
        values, error = constrained(shown, scores, weights, everything - nothing, chance)
        yield on_regions(values, error, share, regions, one)


def constrained(
    shown: Tensor, values: Tensor, weights: Tensor, total: float, chance: Tensor
) -> tuple[Tensor, Tensor | None]:
    """Weighted least squares without intercept whose coefficients (R,) add up to `total`, with their standard errors.

    Covert & Lee 2021, equation 7. A coalition and its complement count as one draw; what was certain to be drawn adds no
    error (the correction for finite populations). Heavy pairs pull the fit to themselves, so that residuals are taken as
    they would be without that (HC3 of MacKinnon & White 1985, doi:10.1016/0304-4076(85)90158-7).

    Args:
        shown: (M, R), complements following their coalitions. values, weights, and the chance of being drawn: (M,).

    Returns:
        No errors for fewer rows than 4 R, unless all were certain.
    """
    count = shown.shape[1]
    left = shown.T @ (shown * weights[:, None])
    inverse = torch.linalg.pinv(left, hermitian=True)
    across = inverse.sum(1)
    held = inverse - torch.outer(across, across) / across.sum().clamp_min(1e-12)
    right = shown.T @ (weights * values)
    coefficients = inverse @ right + across * (total - across @ right) / across.sum().clamp_min(1e-12)
    if len(shown) < 4 * count and bool((chance < 1).any()):
        return coefficients, None
    whole = len(shown) // 2 * 2
    influence = (shown * (weights * (values - shown @ coefficients))[:, None]) @ held
    apart = shown[:whole:2] - shown[1:whole:2]
    leverage = weights[:whole:2] * ((apart @ held) * apart).sum(1) / 2
    pairs = (influence[:whole:2] + influence[1:whole:2]) / (1 - leverage).clamp_min(1e-6)[:, None]
    return coefficients, (pairs.square() * (1 - chance[:whole:2, None])).sum(0).sqrt()


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
