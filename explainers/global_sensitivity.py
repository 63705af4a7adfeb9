"""Global sensitivity: how much of the score's variation under random masks is due to each cell of a grid."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from explainers.core.attribution import Cost
from explainers.core.baselines import masker_for
from explainers.core.estimate import Estimate, SampledOptions
from explainers.core.model import Needs
from explainers.core.rng import seeded_generator
from explainers.core.run import Run
from explainers.core.target import Target
from explainers.core.variant_scores import variant_scores
from explainers.perturbation import HIDDEN, FillOptions, perturbation

_SIGNLESS = " It has no sign: evidence for and against count alike."


class GridOptions(FillOptions):
    cells: int = Field(8, ge=2, le=16, description="Cells along a side of the grid.")


class SobolOptions(GridOptions, SampledOptions):
    samples: int = Field(
        32, ge=4, le=1024, description="Points of the Sobol sequence; each takes a pass per cell, and two more."
    )


class HsicOptions(GridOptions):
    samples: int = Field(1000, ge=50, le=5000, description="Random masks.")
    seed: int = Field(0, ge=0, description="Seed of the masks.")


def _cells_to_scores(
    run: Run, one: Tensor, target: Target, options: GridOptions, rows: Tensor, seed: int
) -> Iterator[Tensor]:
    """Scores (m,) under masks made from rows (M, cells^2) of how far each cell is shown, chunk by chunk, float64 on the CPU."""
    hidden_by = masker_for(run.model, one, options.fill, seed)

    def make(numbers: slice) -> tuple[Tensor, None]:
        grids = rows[numbers].to(one).view(-1, 1, options.cells, options.cells)
        return hidden_by(F.interpolate(grids, one.shape[-2:], mode="nearest")), None

    return (scores.cpu().double() for _, scores in variant_scores(run, one, target, len(rows), make, options.precision))


def _on_pixels(values: Tensor, one: Tensor, options: GridOptions) -> Tensor:
    """The value of every cell at each of its pixels, (H, W)."""
    grid = values.to(one).view(1, 1, options.cells, options.cells)
    return F.interpolate(grid, one.shape[-2:], mode="nearest")[0, 0]


@perturbation(
    "sobol",
    title="Sobol indices",
    highlights="what the score of {target} depends on, either way",
    unit="share of the score's variance",
    needs=Needs.SCORES | Needs.IMAGES,
    cost=lambda shape, options: Cost(shape[0] * (options.samples * (options.cells**2 + 2) + 1), 0),
    citation="Fel, Cadène et al. 2021, arXiv:2111.04138; estimator of Jansen 1999, doi:10.1016/S0010-4655(98)00154-4",
    shows="Total Sobol index of every cell: the share of the score's variance under random masks in which the cell has a part, "
    "alone or together with others.",
    caveat=HIDDEN + _SIGNLESS,
    signed=False,
)
def sobol(run: Run, one: Tensor, target: Target, options: SobolOptions) -> Iterator[Estimate]:
    """Total-order indices, given to each pixel of a cell, (H, W): shares of variance from 0 to 1 and, by sampling, a little beyond."""
    count = options.cells**2
    sequence = torch.quasirandom.SobolEngine(2 * count, scramble=True, seed=options.seed)  # type: ignore[no-untyped-call]
    points = sequence.draw(options.samples)
    first, second = points[:, :count], points[:, count:]
    # The block of a point: itself, its partner, and itself with one cell at a time taken from the partner.
    mixed = torch.where(torch.eye(count, dtype=torch.bool), second[:, None], first[:, None])
    rows = torch.cat([first[:, None], second[:, None], mixed], 1).flatten(0, 1)
    scores = torch.empty(0, dtype=torch.float64)
    for more in _cells_to_scores(run, one, target, options, rows, options.seed):
        scores = torch.cat([scores, more])
        blocks = len(scores) // (count + 2)
        if blocks < 2:
            continue
        values, error = total_indices(scores[: blocks * (count + 2)].view(blocks, count + 2))
        share = blocks / options.samples
        yield Estimate(_on_pixels(values, one, options), share, _on_pixels(error, one, options))


def total_indices(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Jansen's estimate of the total Sobol indices (d,), with standard errors.

    Args:
        scores: (n, 2 + d): of a point, of its partner, and of the point with coordinate i taken from the partner.
    """
    variance = scores[:, :2].var(correction=0).clamp_min(1e-24)
    halves = (scores[:, :1] - scores[:, 2:]).square() / (2 * variance)
    return halves.mean(0), halves.std(0) / len(scores) ** 0.5


@perturbation(
    "hsic",
    title="HSIC",
    highlights="what the score of {target} depends on, either way",
    unit="relative strength",
    needs=Needs.SCORES | Needs.IMAGES,
    cost=lambda shape, options: Cost(shape[0] * (options.samples + 1), 0),
    citation="Novello, Fel & Vigouroux 2022, arXiv:2206.06219; Gretton et al. 2005, doi:10.1007/11564089_7",
    shows="How strongly the score depends, in any way, on whether a cell is shown: the Hilbert-Schmidt independence criterion.",
    caveat=HIDDEN + _SIGNLESS + " Its unit has no meaning: only the ranking does.",
    signed=False,
)
def hsic(run: Run, one: Tensor, target: Target, options: HsicOptions) -> Iterator[Estimate]:
    """HSIC of every cell's visibility with the score, given to each of its pixels, (H, W), not negative."""
    count = options.cells**2
    rows = torch.rand(options.samples, count, generator=seeded_generator("cpu", options.seed)) < 0.5
    scores = torch.empty(0, dtype=torch.float64)
    shown = 0
    for more in _cells_to_scores(run, one, target, options, rows, options.seed):
        scores = torch.cat([scores, more])
        # Every estimate compares all pairs of masks: a few on the way are enough.
        if len(scores) - shown >= options.samples / 16 or len(scores) == options.samples:
            shown = len(scores)
            values = dependence(rows[:shown].double(), scores)
            yield Estimate(_on_pixels(values, one, options), shown / options.samples)


def dependence(shown: Tensor, scores: Tensor) -> Tensor:
    """HSIC (d,) between each binary column of `shown` (n, d) and `scores` (n,).

    Kernels: equal or not for the columns; for the scores a Gaussian as wide as their median distance.
    """
    apart = (scores[:, None] - scores[None, :]).square()
    # Centred, the kernel "equal or not" of a binary column z is 2 z z^T.
    centred = shown - shown.mean(0)
    width = apart[apart > 0].median() if bool((apart > 0).any()) else apart.new_ones(())
    alike = torch.exp(-apart / (2 * width))
    return 2 * (centred * (alike @ centred)).sum(0) / (len(scores) - 1) ** 2
