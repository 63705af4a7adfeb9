"""Total Sobol indices: the share of the score's variance under random masks in which a cell has a part.

Fel, Cadène et al. 2021 (arXiv:2111.04138)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from pydantic import Field
from torch import Tensor

from explainers.core.capabilities import Needs
from explainers.core.cost import Cost
from explainers.core.estimate import Estimate, SampledOptions
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.perturbation._family import FILL_CAVEAT, perturbation
from explainers.perturbation._grid_cells import UNSIGNED_CAVEAT, GridOptions, cell_map, grid_mask_scores


class SobolOptions(GridOptions, SampledOptions):
    samples: int = Field(
        32, ge=4, le=1024, description="Points of the Sobol sequence; each takes a pass per cell, and two more."
    )


@perturbation(
    "sobol",
    options=SobolOptions,
    title="Sobol indices",
    highlights="what the score of {target} depends on, either way",
    unit="share of the score's variance",
    needs=Needs.SCORES | Needs.IMAGES,
    cost=lambda shape, options: Cost(shape[0] * (options.samples * (options.cells**2 + 2) + 1), 0),
    citation="Fel, Cadène et al. 2021, arXiv:2111.04138; estimator of Jansen 1999, doi:10.1016/S0010-4655(98)00154-4",
    shows="Total Sobol index of every cell: the share of the score's variance under random masks in which the cell has a part, "
    "alone or together with others.",
    caveat=FILL_CAVEAT + UNSIGNED_CAVEAT,
    signed=False,
)
def sobol(run: Run, input: Tensor, target: Target, options: SobolOptions) -> Iterator[Estimate]:
    """Total-order indices, given to each pixel of a cell, (H, W): shares of variance from 0 to 1 and, by sampling, a little beyond."""
    count = options.cells**2
    sequence = torch.quasirandom.SobolEngine(2 * count, scramble=True, seed=options.seed)  # type: ignore[no-untyped-call]
    points = sequence.draw(options.samples)
    first, second = points[:, :count], points[:, count:]
    # The block of a point: itself, its partner, and itself with one cell at a time taken from the partner.
    mixed = torch.where(torch.eye(count, dtype=torch.bool), second[:, None], first[:, None])
    shown = torch.cat([first[:, None], second[:, None], mixed], 1).flatten(0, 1)
    scores = torch.empty(0, dtype=torch.float64)
    for chunk_scores in grid_mask_scores(run, input, target, options, shown, options.seed):
        scores = torch.cat([scores, chunk_scores])
        blocks = len(scores) // (count + 2)
        if blocks < 2:
            continue
        values, error = total_indices(scores[: blocks * (count + 2)].view(blocks, count + 2))
        share = blocks / options.samples
        yield Estimate(cell_map(values, input, options), share, cell_map(error, input, options))


def total_indices(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Jansen's estimate of the total Sobol indices (d,), with standard errors.

    Args:
        scores: (n, 2 + d): of a point, of its partner, and of the point with coordinate i taken from the partner.
    """
    variance = scores[:, :2].var(correction=0).clamp_min(1e-24)
    halves = (scores[:, :1] - scores[:, 2:]).square() / (2 * variance)
    return halves.mean(0), halves.std(0) / len(scores) ** 0.5
