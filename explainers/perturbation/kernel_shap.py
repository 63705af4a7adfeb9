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
from explainers.perturbation._family import FILL_CAVEAT, RegionOptions, count_regions, perturbation
from explainers.perturbation._kernel_shap_sampling import Coalitions, count_pairs, draw_coalitions
from explainers.perturbation._region_scores import coalition_scores, region_estimate


class KernelShapOptions(RegionOptions, SampledOptions):
    samples: int = Field(1000, ge=20, le=20000, description="Pictures with some regions hidden.")


def _kernel_shap_cost(shape: Sequence[int], options: KernelShapOptions) -> Cost:
    pairs = count_pairs(count_regions(shape, options), options.samples // 2)
    return Cost(shape[0] * (2 * pairs + 3), 0)


@perturbation(
    "kernel-shap",
    options=KernelShapOptions,
    title="KernelSHAP",
    needs=Needs.SCORES,
    cost=_kernel_shap_cost,
    citation="Lundberg & Lee 2017, arXiv:1705.07874; pairs of Covert & Lee 2021, arXiv:2012.01536, none twice, as in "
    "Musco & Witter 2024, arXiv:2410.01917",
    shows="Shapley values of the regions: each region's fair share of the score, estimated by a weighted linear fit. "
    "With so few regions that every combination fits into the samples, exactly.",
    caveat=FILL_CAVEAT + " Shares are fair by four axioms, over pictures most of which the model never saw.",
    signed=True,
)
def kernel_shap(run: Run, input: Tensor, target: Target, options: KernelShapOptions) -> Iterator[Estimate]:
    """Shapley values per region, given to each of its pixels, (H, W) or (F,), in units of the score.

    They add up to score - score with all hidden.
    """
    drawn: Coalitions

    def draw(count: int) -> Tensor:
        nonlocal drawn
        drawn = draw_coalitions(count, options.samples // 2, options.seed)
        return torch.cat([torch.tensor([[False] * count, [True] * count]), drawn.shown])

    regions, chunks = coalition_scores(run, input, target, options, draw)
    seen: list[tuple[Tensor, Tensor]] = []
    for chunk in chunks:
        seen.append(chunk)
        shown, scores = (torch.cat(parts) for parts in zip(*seen, strict=True))
        if len(scores) < 3:
            continue
        empty_score, whole_score = scores[:2].tolist()
        shown, gains = shown[2:], scores[2:] - empty_score
        share = len(shown) / len(drawn.shown)
        weights, probabilities = drawn.weights[: len(shown)], drawn.probabilities[: len(shown)] * share
        values, error = constrained_least_squares(shown, gains, weights, whole_score - empty_score, probabilities)
        yield region_estimate(values, error, share, regions, input)


def constrained_least_squares(
    shown: Tensor, values: Tensor, weights: Tensor, total: float, probabilities: Tensor
) -> tuple[Tensor, Tensor | None]:
    """Weighted least squares without intercept whose coefficients (R,) add up to `total`, with their standard errors.

    Covert & Lee 2021, equation 7. A coalition and its complement count as one draw; what was certain to be drawn adds no
    error (the correction for finite populations). Heavy pairs pull the fit to themselves, so that residuals are taken as
    they would be without that (HC3 of MacKinnon & White 1985, doi:10.1016/0304-4076(85)90158-7).

    Args:
        shown: which regions each coalition shows, (M, R), complements following their coalitions.
        values: score of each coalition - score of the empty one, (M,).
        weights: in the fit, (M,).
        probabilities: of each coalition's being drawn, (M,).

    Returns:
        No errors for fewer rows than 4 R, unless all were certain.
    """
    count = shown.shape[1]
    gram = shown.T @ (shown * weights[:, None])
    inverse = torch.linalg.pinv(gram, hermitian=True)
    row_sums = inverse.sum(1)
    constrained = inverse - torch.outer(row_sums, row_sums) / row_sums.sum().clamp_min(1e-12)
    moments = shown.T @ (weights * values)
    coefficients = inverse @ moments + row_sums * (total - row_sums @ moments) / row_sums.sum().clamp_min(1e-12)
    if len(shown) < 4 * count and bool((probabilities < 1).any()):
        return coefficients, None
    paired = len(shown) // 2 * 2
    influence = (shown * (weights * (values - shown @ coefficients))[:, None]) @ constrained
    differences = shown[:paired:2] - shown[1:paired:2]
    leverage = weights[:paired:2] * ((differences @ constrained) * differences).sum(1) / 2
    pairs = (influence[:paired:2] + influence[1:paired:2]) / (1 - leverage).clamp_min(1e-6)[:, None]
    return coefficients, (pairs.square() * (1 - probabilities[:paired:2, None])).sum(0).sqrt()
