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
from explainers.perturbation._family import HIDDEN, FillOptions, perturbation


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
    caveat=HIDDEN + " It is a sample: the standard error beside it says how far to trust small differences.",
    signed=True,
)
def rise(run: Run, one: Tensor, target: Target, options: RiseOptions) -> Iterator[Estimate]:
    """Weighted mean of the scores with the masks' values at a pixel as weights, minus their plain mean, (H, W).

    Masks are made as published: a coarse random grid, enlarged bilinearly, shifted at random. (The paper divides by the
    masks' expected sum instead of their sum, and leaves the mean in, which every pixel shares.) The
    standard error is that of the difference of a ratio of sums and a mean, by the delta method.
    """
    height, width = one.shape[-2:]
    masks_of = random_masks(one, options)
    hidden_by = masker_for(run.model, one, options.fill, options.seed)

    def masked(numbers: slice) -> tuple[Tensor, Tensor]:
        masks = masks_of(numbers)
        return hidden_by(masks), masks

    # Sums over masks of (1, score, score^2) times the mask at a pixel, times its square, and alone.
    first, second = one.new_zeros(2, 3, height * width)
    alone = one.new_zeros(3)
    base: Tensor | None = None
    for masks, scores in variant_scores(run, one, target, options.samples, masked, options.precision):
        base = scores.mean() if base is None else base  # large common parts would eat the sums' last digits
        centred = scores - base
        powers = torch.stack([torch.ones_like(centred), centred, centred.square()])
        flat = masks.flatten(1)
        first += powers @ flat
        second += powers @ flat.square()
        alone += powers.sum(1)
        values, error = _less_the_mean(first, second, alone)
        share = float(alone[0]) / options.samples
        yield Estimate(values.view(height, width), share, error.view(height, width))


def _less_the_mean(first: Tensor, second: Tensor, alone: Tensor) -> tuple[Tensor, Tensor]:
    """Mean of scores s weighted by masks m, less their plain mean, and its standard error, each (pixels,).

    A mask's influence on it is m (s - weighted) / sum(m) - (s - plain) / n, and the squares of these add up.

    Args:
        first, second: sums of m and of m^2, each times (1, s, s^2): (3, pixels). alone: sums of (1, s, s^2), (3,).
    """
    count, shown = alone[0], first[0].clamp_min(1e-12)
    weighted, plain = first[1] / shown, alone[1] / count
    of_ratio = (second[2] - 2 * weighted * second[1] + weighted.square() * second[0]) / shown.square()
    of_both = (first[2] / shown - weighted.square()) / count
    of_mean = (alone[2] / count - plain.square()) / count
    return weighted - plain, (of_ratio - 2 * of_both + of_mean).clamp_min(0).sqrt()


def random_masks(one: Tensor, options: RiseOptions) -> Callable[[slice], Tensor]:
    """RISE's masks, made when they are needed: (numbers) -> (m, 1, H, W)."""
    source = seeded_generator("cpu", options.seed)
    cells = options.cells
    grids = (torch.rand(options.samples, cells, cells, generator=source) < options.shown).to(one)
    ways = []
    for side in one.shape[-2:]:
        step = math.ceil(side / cells)
        # Enlarging is linear, so a mask is (enlarge rows) @ grid @ (enlarge columns), with one pair of matrices per shift.
        enlarge = F.interpolate(torch.eye(cells).unsqueeze(0), (cells + 1) * step, mode="linear", align_corners=False)
        windows = enlarge[0].unfold(1, side, 1)[:, :step].permute(1, 2, 0).to(one)  # (shift, side, cells)
        ways.append((windows, torch.randint(step, (options.samples,), generator=source).to(one.device)))
    (by_row, down), (by_column, right) = ways

    def masks(numbers: slice) -> Tensor:
        rows = by_row[down[numbers]] @ grids[numbers]
        return (rows @ by_column[right[numbers]].transpose(1, 2)).unsqueeze(1)

    return masks
