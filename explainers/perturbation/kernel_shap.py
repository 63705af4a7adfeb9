"""KernelSHAP: Shapley values of regions by a weighted linear fit to the scores of coalitions of them.

Lundberg & Lee 2017 (arXiv:1705.07874)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from pydantic import Field
from torch import Tensor

from explainers.core.capabilities import Needs
from explainers.core.cost import Cost
from explainers.core.estimate import Estimate, SampledOptions
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.perturbation._family import HIDDEN, RegionOptions, count_regions, perturbation
from explainers.perturbation._kernel_shap_sampling import Coalitions, count_pairs, draw_coalitions
from explainers.perturbation._region_scores import on_regions, regions_to_scores


class KernelShapOptions(RegionOptions, SampledOptions):
    samples: int = Field(1000, ge=20, le=20000, description="Pictures with some regions hidden.")


def _cost(shape: Sequence[int], options: KernelShapOptions) -> Cost:
    pairs = count_pairs(count_regions(shape, options), options.samples // 2)
    return Cost(shape[0] * (2 * pairs + 3), 0)


@perturbation(
    "kernel-shap",
    options=KernelShapOptions,
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
