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
from explainers.perturbation._family import FILL_CAVEAT, perturbation
from explainers.perturbation._grid_cells import UNSIGNED_CAVEAT, GridOptions, cell_map, grid_mask_scores


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
    caveat=FILL_CAVEAT + UNSIGNED_CAVEAT + " Its unit has no meaning: only the ranking does.",
    signed=False,
)
def hsic(run: Run, input: Tensor, target: Target, options: HsicOptions) -> Iterator[Estimate]:
    """HSIC of every cell's visibility with the score, given to each of its pixels, (H, W), not negative, without a unit."""
    count = options.cells**2
    shown = torch.rand(options.samples, count, generator=seeded_generator("cpu", options.seed)) < 0.5
    scores = torch.empty(0, dtype=torch.float64)
    estimated = 0  # masks that the last estimate was made of
    for chunk_scores in grid_mask_scores(run, input, target, options, shown, options.seed):
        scores = torch.cat([scores, chunk_scores])
        # Every estimate compares all pairs of masks: a few on the way are enough.
        if len(scores) - estimated >= options.samples / 16 or len(scores) == options.samples:
            estimated = len(scores)
            values = hsic_of_columns(shown[:estimated].double(), scores)
            yield Estimate(cell_map(values, input, options), estimated / options.samples)


def hsic_of_columns(shown: Tensor, scores: Tensor) -> Tensor:
    """HSIC (d,) between each binary column of `shown` (n, d) and `scores` (n,).

    Kernels: equal or not for the columns; for the scores a Gaussian as wide as their median distance.
    """
    distances = (scores[:, None] - scores[None, :]).square()
    # Centred, the kernel "equal or not" of a binary column z is 2 z z^T.
    centred = shown - shown.mean(0)
    width = distances[distances > 0].median() if bool((distances > 0).any()) else distances.new_ones(())
    kernel = torch.exp(-distances / (2 * width))
    return 2 * (centred * (kernel @ centred)).sum(0) / (len(scores) - 1) ** 2
