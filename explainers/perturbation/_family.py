"""What perturbation methods share: hide a part of the input and record how the score answers. Only scores are read, so they work on black boxes."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor

from explainers.engine.mixed_precision import ScoredOptions
from explainers.graph.boxes import Extents
from explainers.inputs.baselines import Fill
from explainers.inputs.segments import Segments, segment_extents
from explainers.registry import explainer

perturbation = functools.partial(explainer, family="perturbation")
"""The decorator that registers a method of this family."""

FILL_CAVEAT = (
    "A picture with a hole is one the model never saw: part of the answer is about the hole. "
    "Another fill gives another map."
)
REDUNDANCY_CAVEAT = " Parts that do the same work hide each other: cover one and the other still carries the score."


class FillOptions(ScoredOptions):
    fill: Fill = Field(Fill.BLUR, description="What is seen where the picture is hidden.")


class RegionOptions(FillOptions):
    segments: Segments = Field(
        Segments.SLIC,
        description="How the picture is cut into regions; of a vector, every feature is one, and sequences are cut evenly.",
    )
    regions: int = Field(50, ge=2, le=400, description="About how many regions.")


def count_regions(shape: Sequence[int], options: RegionOptions) -> int:
    """How many regions to expect: of a vector, its features."""
    return shape[1] if len(shape) == 2 else options.regions


def regions_by_area(regions: Tensor) -> tuple[Tensor, Extents | None]:
    """The regions' indices (R,), those in small boxes first, and their boxes in that order.

    Neighbours in this order differ from the input in boxes of about one size, which a chunk of variants is computed in
    fastest. Regions of anything but a picture have no boxes and stay as they are.
    """
    extents = segment_extents(regions)
    if extents is None:
        return torch.arange(int(regions.max()) + 1, device=regions.device), None
    order = extents.areas().argsort(stable=True)
    return order.to(regions.device), extents.take(order)
