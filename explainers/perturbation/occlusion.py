"""Occlusion: slide a patch over the image and record how far the score falls.

Zeiler & Fergus 2013 (arXiv:1311.2901)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from pydantic import Field
from torch import Tensor

from explainers.core.capabilities import Needs
from explainers.core.cost import Cost
from explainers.core.estimate import Estimate
from explainers.core.rng import seeded_generator
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.engine.variant_scores import variant_scores
from explainers.graph.boxes import Extents
from explainers.inputs.baselines import masker_for
from explainers.perturbation._family import FILL_CAVEAT, REDUNDANCY_CAVEAT, FillOptions, perturbation


class OcclusionOptions(FillOptions):
    patch: int = Field(32, ge=2, le=256, description="Side of the patch, in pixels of the model's input.")
    stride: int = Field(16, ge=1, le=256, description="Step between patches; smaller is finer and slower.")


def _occlusion_cost(shape: Sequence[int], options: OcclusionOptions) -> Cost:
    patches = len(patch_corners(shape[-2], shape[-1], options))
    return Cost(shape[0] * (patches + 1), 0, box=(options.patch, options.patch))


@perturbation(
    "occlusion",
    options=OcclusionOptions,
    title="Occlusion",
    needs=Needs.SCORES | Needs.IMAGES,
    cost=_occlusion_cost,
    citation="Zeiler & Fergus 2013, arXiv:1311.2901",
    shows="How far the score falls when a patch is covered, averaged over the patches that cover a pixel.",
    caveat=FILL_CAVEAT + REDUNDANCY_CAVEAT + " What is smaller than the patch is smeared over it.",
    signed=True,
)
def occlusion(run: Run, input: Tensor, target: Target, options: OcclusionOptions) -> Iterator[Estimate]:
    """Score - score of the covered picture, averaged over the patches that cover a pixel.

    (H, W), in units of the score; positive where covering lowers it.
    """
    height, width = input.shape[-2:]
    corners = patch_corners(height, width, options)
    # In random order the whole picture is covered early, and the map sharpens everywhere at once.
    corners = corners[torch.randperm(len(corners), generator=seeded_generator("cpu", 0))]
    extents = Extents(corners, corners + options.patch, (height, width))
    corners = corners.to(input.device)
    mask_input = masker_for(run.model, input, options.fill)
    row, column = torch.arange(height, device=input.device), torch.arange(width, device=input.device)

    def occluded(rows: slice) -> tuple[Tensor, Tensor]:
        top, left = corners[rows].unsqueeze(2).unbind(1)
        inside_rows = (row >= top) & (row < top + options.patch)
        inside_columns = (column >= left) & (column < left + options.patch)
        covered = (inside_rows.unsqueeze(2) & inside_columns.unsqueeze(1)).to(input)
        return mask_input(1 - covered.unsqueeze(1)), covered

    whole_score = run.scores(input, target)
    drops, coverings = input.new_zeros(height * width), input.new_zeros(height * width)
    done = 0
    for covered, scores in variant_scores(run, input, target, len(corners), occluded, options.precision, extents):
        drops += (whole_score - scores) @ covered.flatten(1)
        coverings += covered.flatten(1).sum(0)
        done += len(scores)
        yield Estimate((drops / coverings.clamp_min(1)).view(height, width), done / len(corners))


def patch_corners(height: int, width: int, options: OcclusionOptions) -> Tensor:
    """(row, column) of every patch's upper left corner, (P, 2); the last of a line may reach over the edge."""
    rows, columns = (
        torch.arange(math.ceil(max(0, side - options.patch) / options.stride) + 1) * options.stride
        for side in (height, width)
    )
    return torch.cartesian_prod(rows, columns)
