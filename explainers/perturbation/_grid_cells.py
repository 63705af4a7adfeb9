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

UNSIGNED_CAVEAT = " It has no sign: evidence for and against count alike."


class GridOptions(FillOptions):
    cells: int = Field(8, ge=2, le=16, description="Cells along a side of the grid.")


def grid_mask_scores(
    run: Run, input: Tensor, target: Target, options: GridOptions, shown: Tensor, seed: int
) -> Iterator[Tensor]:
    """Scores of one input under masks made of cells, chunk by chunk.

    Args:
        input: (1, C, H, W).
        shown: a mask a row, how far it shows each cell, from 0 to 1, (M, cells^2).
        seed: of the fill, where that is noise.

    Yields:
        Scores (m,) in the order of the masks, float64 on the CPU.
    """
    mask_input = masker_for(run.model, input, options.fill, seed)

    def masked(rows: slice) -> tuple[Tensor, None]:
        return mask_input(upsample_cells(shown[rows], input, options)), None

    for _, scores in variant_scores(run, input, target, len(shown), masked, options.precision):
        yield scores.cpu().double()


def upsample_cells(values: Tensor, input: Tensor, options: GridOptions) -> Tensor:
    """The value of every cell at each of its pixels: (M, cells^2) to (M, 1, H, W), with the dtype and device of `input`."""
    grids = values.to(input).view(-1, 1, options.cells, options.cells)
    return F.interpolate(grids, input.shape[-2:], mode="nearest")


def cell_map(values: Tensor, input: Tensor, options: GridOptions) -> Tensor:
    """The value of every cell (cells^2,) at each of its pixels, (H, W)."""
    return upsample_cells(values, input, options)[0, 0]
