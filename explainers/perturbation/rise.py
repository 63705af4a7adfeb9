"""RISE: the mean score of randomly masked pictures in which a pixel was visible.

Petsiuk, Das & Saenko 2018 (arXiv:1806.07421)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from explainers.core.capabilities import Needs
from explainers.core.cost import Cost
from explainers.core.estimate import Estimate, SampledOptions
from explainers.core.rng import seeded_generator
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.engine.variant_scores import variant_scores
from explainers.inputs.baselines import masker_for
from explainers.perturbation._family import FILL_CAVEAT, FillOptions, perturbation


class RiseOptions(FillOptions, SampledOptions):
    samples: int = Field(2000, ge=16, le=20000, description="Random masks.")
    cells: int = Field(
        7, ge=2, le=32, description="Cells along a side of the coarse random grid that masks are made from."
    )
    shown: float = Field(0.5, ge=0.05, le=0.95, description="Share of the cells that stay visible.")


@perturbation(
    "rise",
    options=RiseOptions,
    title="RISE",
    needs=Needs.SCORES | Needs.IMAGES,
    cost=lambda shape, options: Cost(shape[0] * (options.samples + 1), 0),
    citation="Petsiuk, Das & Saenko 2018, arXiv:1806.07421",
    shows="The mean score of randomly masked pictures in which a pixel was visible, less the mean over all of them: where "
    "visibility helps.",
    caveat=FILL_CAVEAT + " It is a sample: the standard error beside it says how far to trust small differences.",
    signed=True,
)
def rise(run: Run, input: Tensor, target: Target, options: RiseOptions) -> Iterator[Estimate]:
    """Weighted mean of the scores with the masks' values at a pixel as weights, minus their plain mean.

    (H, W), in units of the score. Masks are made as published: a coarse random grid, enlarged bilinearly, shifted at
    random. (The paper divides by the masks' expected sum instead of their sum, and leaves the mean in, which every pixel
    shares.) The standard error is that of the difference of a ratio of sums and a mean, by the delta method.
    """
    height, width = input.shape[-2:]
    make_masks = random_masks(input, options)
    mask_input = masker_for(run.model, input, options.fill, options.seed)

    def masked(rows: slice) -> tuple[Tensor, Tensor]:
        masks = make_masks(rows)
        return mask_input(masks), masks

    # Sums over masks of (1, score, score^2) times the mask at a pixel, times its square, and without it.
    by_mask, by_square = input.new_zeros(2, 3, height * width)
    plain = input.new_zeros(3)
    offset: Tensor | None = None
    for masks, scores in variant_scores(run, input, target, options.samples, masked, options.precision):
        offset = scores.mean() if offset is None else offset  # large common parts would eat the sums' last digits
        centred = scores - offset
        powers = torch.stack([torch.ones_like(centred), centred, centred.square()])
        pixels = masks.flatten(1)
        by_mask += powers @ pixels
        by_square += powers @ pixels.square()
        plain += powers.sum(1)
        values, error = _excess_over_mean(by_mask, by_square, plain)
        share = float(plain[0]) / options.samples
        yield Estimate(values.view(height, width), share, error.view(height, width))


def _excess_over_mean(by_mask: Tensor, by_square: Tensor, plain: Tensor) -> tuple[Tensor, Tensor]:
    """Mean of scores s weighted by masks m, less their plain mean, and its standard error, each (pixels,).

    A mask's influence on it is m (s - weighted mean) / sum(m) - (s - plain mean) / n, and the squares of these add up.

    Args:
        by_mask, by_square: sums of m and of m^2, each times (1, s, s^2): (3, pixels).
        plain: sums of (1, s, s^2), (3,).
    """
    count, shown = plain[0], by_mask[0].clamp_min(1e-12)
    weighted_mean, mean = by_mask[1] / shown, plain[1] / count
    ratio_variance = (
        by_square[2] - 2 * weighted_mean * by_square[1] + weighted_mean.square() * by_square[0]
    ) / shown.square()
    covariance = (by_mask[2] / shown - weighted_mean.square()) / count
    mean_variance = (plain[2] / count - mean.square()) / count
    return weighted_mean - mean, (ratio_variance - 2 * covariance + mean_variance).clamp_min(0).sqrt()


def random_masks(input: Tensor, options: RiseOptions) -> Callable[[slice], Tensor]:
    """RISE's masks for one input (1, C, H, W), made when they are needed: (rows) -> (m, 1, H, W)."""
    generator = seeded_generator("cpu", options.seed)
    cells = options.cells
    grids = (torch.rand(options.samples, cells, cells, generator=generator) < options.shown).to(input)
    enlargements = []
    for side in input.shape[-2:]:
        step = math.ceil(side / cells)
        # Enlarging is linear, so a mask is (enlarge rows) @ grid @ (enlarge columns), with one pair of matrices per shift.
        enlarge = F.interpolate(torch.eye(cells).unsqueeze(0), (cells + 1) * step, mode="linear", align_corners=False)
        windows = enlarge[0].unfold(1, side, 1)[:, :step].permute(1, 2, 0).to(input)  # (shift, side, cells)
        shifts = torch.randint(step, (options.samples,), generator=generator).to(input.device)
        enlargements.append((windows, shifts))
    (row_windows, row_shifts), (column_windows, column_shifts) = enlargements

    def make_masks(rows: slice) -> Tensor:
        tall = row_windows[row_shifts[rows]] @ grids[rows]
        return (tall @ column_windows[column_shifts[rows]].transpose(1, 2)).unsqueeze(1)

    return make_masks
