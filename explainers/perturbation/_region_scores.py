"""Scores of pictures in which some regions are shown and the others hidden."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from torch import Tensor

from explainers.core.estimate import Estimate
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.engine.variant_scores import variant_scores
from explainers.inputs.baselines import masker_for
from explainers.inputs.segments import region_masks, segment_input
from explainers.perturbation._family import RegionOptions


class Rows(Protocol):
    """A tensor (M, R), or what makes the rows of one when they are asked for."""

    def __len__(self) -> int: ...
    def __getitem__(self, numbers: slice, /) -> Tensor: ...


def regions_to_scores(
    run: Run, one: Tensor, target: Target, options: RegionOptions, shown: Callable[[int], Rows]
) -> tuple[Tensor, Iterator[tuple[Tensor, Tensor]]]:
    """Scores of pictures in which some regions are shown and the others hidden.

    Args:
        shown: (number of regions) -> rows (M, R), 1 where a region is shown.

    Returns:
        The regions (H, W) or (F,), and an iterator over chunks of (rows of `shown` (m, R), scores (m,)), both float64 on the CPU.
    """
    regions = segment_input(run.model, one, options.segments, options.regions).to(one.device)
    rows = shown(int(regions.max()) + 1)
    hidden_by = masker_for(run.model, one, options.fill, getattr(options, "seed", 0))

    def make(numbers: slice) -> tuple[Tensor, Tensor]:
        made = rows[numbers]
        return hidden_by(region_masks(made.to(one), regions, one)), made

    found = variant_scores(run, one, target, len(rows), make, options.precision)
    return regions, ((kept.double(), scores.cpu().double()) for kept, scores in found)


def on_regions(values: Tensor, error: Tensor | None, share: float, regions: Tensor, like: Tensor) -> Estimate:
    """The value of every region, and its standard error, at each of the region's pixels."""
    return Estimate(values.to(like)[regions], share, None if error is None else error.to(like)[regions])
