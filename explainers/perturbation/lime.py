"""LIME: a linear model of how the score answers to hiding regions, fitted in closed form; its weights are the map.

Ribeiro, Singh & Guestrin 2016 (arXiv:1602.04938)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from pydantic import Field
from torch import Tensor

from explainers.core.capabilities import Needs
from explainers.core.cost import Cost
from explainers.core.estimate import Estimate, SampledOptions
from explainers.core.rng import seeded_generator
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.perturbation._family import FILL_CAVEAT, RegionOptions, perturbation
from explainers.perturbation._region_scores import coalition_scores, region_estimate


class LimeOptions(RegionOptions, SampledOptions):
    samples: int = Field(1000, ge=20, le=20000, description="Random pictures with some regions hidden.")
    width: float = Field(
        0.25, gt=0, le=10, description="Width of the kernel: smaller looks only at pictures much like the input."
    )
    penalty: float = Field(1.0, ge=0, le=100, description="Ridge penalty on the weights.")


@perturbation(
    "lime",
    options=LimeOptions,
    title="LIME",
    needs=Needs.SCORES,
    cost=lambda shape, options: Cost(shape[0] * (options.samples + 1), 0),
    citation="Ribeiro, Singh & Guestrin 2016, arXiv:1602.04938",
    shows="The weights of a linear model of which regions are shown, fitted to the scores of pictures near this one.",
    caveat=FILL_CAVEAT + " The kernel's width decides what near means; where the fit is poor, so is the map.",
    signed=True,
)
def lime(run: Run, input: Tensor, target: Target, options: LimeOptions) -> Iterator[Estimate]:
    """Weights of a ridge regression on region indicators, (H, W) or (F,), in units of the score per region.

    As in the authors' package: half of the regions shown at random, the first picture whole, cosine distance d,
    weights sqrt(exp(-d^2 / width^2)).
    """

    def draw(count: int) -> Tensor:
        shown = torch.rand(options.samples, count, generator=seeded_generator("cpu", options.seed)) < 0.5
        shown[0] = True
        return shown

    regions, chunks = coalition_scores(run, input, target, options, draw)
    seen: list[tuple[Tensor, Tensor]] = []
    for chunk in chunks:
        seen.append(chunk)
        shown, scores = (torch.cat(parts) for parts in zip(*seen, strict=True))
        weights, error = weighted_ridge(shown, scores, lime_kernel(shown, options.width), options.penalty)
        yield region_estimate(weights, error, len(scores) / options.samples, regions, input)


def lime_kernel(shown: Tensor, width: float) -> Tensor:
    """Weights (M,) of pictures that show some regions, (M, R), by their cosine distance from the whole one."""
    cosine = shown.sum(1) / (shown.sum(1) * shown.shape[1]).sqrt().clamp_min(1e-12)
    return torch.exp(-((1 - cosine) ** 2) / width**2).sqrt()


def weighted_ridge(features: Tensor, values: Tensor, weights: Tensor, penalty: float) -> tuple[Tensor, Tensor | None]:
    """Weighted ridge regression with a free intercept, in closed form.

    Args:
        features: (M, R).
        values: what is fitted, (M,).
        weights: of the rows, (M,).

    Returns:
        Coefficients (R,) and their standard errors (White 1980, robust to unequal noise; see `hc1_factor`), None for fewer
        rows than 2 R.
    """
    total = weights.sum()
    centred = features - (weights @ features) / total
    gram = centred.T @ (centred * weights[:, None])
    gram.diagonal().add_(penalty)
    inverse = torch.linalg.pinv(gram, hermitian=True)
    coefficients = inverse @ (centred.T @ (weights * (values - (weights @ values) / total)))
    if len(features) < 2 * features.shape[1]:
        return coefficients, None
    residual = values - (weights @ values) / total - centred @ coefficients
    influence = (centred * (weights * residual)[:, None]) @ inverse
    return coefficients, influence.square().sum(0).sqrt() * hc1_factor(len(features), features.shape[1] + 1)


def hc1_factor(rows: int, parameters: int) -> float:
    """What a robust standard error is multiplied by: the more parameters are fitted to so many rows, the more residuals are too small.

    HC1 of MacKinnon & White 1985, doi:10.1016/0304-4076(85)90158-7.
    """
    return math.sqrt(rows / max(1, rows - parameters))
