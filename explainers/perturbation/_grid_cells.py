"""Scores under masks made of the cells of a grid, for methods of global sensitivity."""

from __future__ import annotations

from collections.abc import Iterator

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.engine.variant_scores import variant_scores
from explainers.inputs.baselines import masker_for
from explainers.perturbation._family import FillOptions

SIGNLESS = " It has no sign: evidence for and against count alike."


class GridOptions(FillOptions):
    cells: int = Field(8, ge=2, le=16, description="Cells along a side of the grid.")


def cells_to_scores(
    run: Run, one: Tensor, target: Target, options: GridOptions, rows: Tensor, seed: int
) -> Iterator[Tensor]:
    """Scores (m,) under masks made from rows (M, cells^2) of how far each cell is shown, chunk by chunk, float64 on the CPU."""
    hidden_by = masker_for(run.model, one, options.fill, seed)

    def make(numbers: slice) -> tuple[Tensor, None]:
        grids = rows[numbers].to(one).view(-1, 1, options.cells, options.cells)
        return hidden_by(F.interpolate(grids, one.shape[-2:], mode="nearest")), None

    return (scores.cpu().double() for _, scores in variant_scores(run, one, target, len(rows), make, options.precision))


def cells_on_pixels(values: Tensor, one: Tensor, options: GridOptions) -> Tensor:
    """The value of every cell at each of its pixels, (H, W)."""
    grid = values.to(one).view(1, 1, options.cells, options.cells)
    return F.interpolate(grid, one.shape[-2:], mode="nearest")[0, 0]
