"""HSIC: how strongly the score depends, in any way, on whether a cell is shown.

Novello, Fel & Vigouroux 2022 (arXiv:2206.06219)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from pydantic import Field
from torch import Tensor

from explainers.core.capabilities import Needs
from explainers.core.cost import Cost
from explainers.core.estimate import Estimate
from explainers.core.rng import seeded_generator
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.perturbation._family import HIDDEN, perturbation
from explainers.perturbation._grid_cells import SIGNLESS, GridOptions, cells_on_pixels, cells_to_scores


class HsicOptions(GridOptions):
    samples: int = Field(1000, ge=50, le=5000, description="Random masks.")
    seed: int = Field(0, ge=0, description="Seed of the masks.")


@perturbation(
    "hsic",
    options=HsicOptions,
    title="HSIC",
    highlights="what the score of {target} depends on, either way",
    unit="relative strength",
    needs=Needs.SCORES | Needs.IMAGES,
    cost=lambda shape, options: Cost(shape[0] * (options.samples + 1), 0),
    citation="Novello, Fel & Vigouroux 2022, arXiv:2206.06219; Gretton et al. 2005, doi:10.1007/11564089_7",
    shows="How strongly the score depends, in any way, on whether a cell is shown: the Hilbert-Schmidt independence criterion.",
    caveat=HIDDEN + SIGNLESS + " Its unit has no meaning: only the ranking does.",
    signed=False,
)
def hsic(run: Run, one: Tensor, target: Target, options: HsicOptions) -> Iterator[Estimate]:
    """HSIC of every cell's visibility with the score, given to each of its pixels, (H, W), not negative."""
    count = options.cells**2
    rows = torch.rand(options.samples, count, generator=seeded_generator("cpu", options.seed)) < 0.5
    scores = torch.empty(0, dtype=torch.float64)
    shown = 0
    for more in cells_to_scores(run, one, target, options, rows, options.seed):
        scores = torch.cat([scores, more])
        # Every estimate compares all pairs of masks: a few on the way are enough.
        if len(scores) - shown >= options.samples / 16 or len(scores) == options.samples:
            shown = len(scores)
            values = dependence(rows[:shown].double(), scores)
            yield Estimate(cells_on_pixels(values, one, options), shown / options.samples)


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
