"""Scores of pictures in which some regions are shown and the others hidden: what LIME and Shapley values are computed from."""

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


class CoalitionRows(Protocol):
    """Coalitions as a tensor (M, R), or what makes the rows of one when they are asked for."""

    def __len__(self) -> int: ...
    def __getitem__(self, rows: slice, /) -> Tensor: ...


def coalition_scores(
    run: Run, input: Tensor, target: Target, options: RegionOptions, draw: Callable[[int], CoalitionRows]
) -> tuple[Tensor, Iterator[tuple[Tensor, Tensor]]]:
    """Scores of coalitions of an input's regions: those of a coalition are shown, the others hidden.

    Args:
        input: a single one, (1, ...).
        draw: (number of regions R) -> coalitions (M, R), 1 where a region is shown.

    Returns:
        The regions (H, W) or (F,), and an iterator over chunks of (coalitions (m, R), scores (m,)), both float64 on the CPU.
    """
    regions = segment_input(run.model, input, options.segments, options.regions).to(input.device)
    coalitions = draw(int(regions.max()) + 1)
    mask_input = masker_for(run.model, input, options.fill, getattr(options, "seed", 0))

    def masked(rows: slice) -> tuple[Tensor, Tensor]:
        shown = coalitions[rows]
        return mask_input(region_masks(shown.to(input), regions, input)), shown

    chunks = variant_scores(run, input, target, len(coalitions), masked, options.precision)
    return regions, ((shown.double(), scores.cpu().double()) for shown, scores in chunks)


def region_estimate(values: Tensor, error: Tensor | None, share: float, regions: Tensor, input: Tensor) -> Estimate:
    """The value of every region (R,), and its standard error, at each of the region's pixels; dtype and device of `input`."""
    return Estimate(values.to(input)[regions], share, None if error is None else error.to(input)[regions])
