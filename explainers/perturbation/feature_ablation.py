"""Feature ablation: cover one region at a time, as in Captum (Kokhlikyan et al. 2020, arXiv:2009.07896)."""

from __future__ import annotations

from collections.abc import Iterator

import torch.nn.functional as F
from torch import Tensor

from explainers.core.capabilities import Needs
from explainers.core.cost import Cost
from explainers.core.estimate import Estimate
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.engine.variant_scores import variant_scores
from explainers.inputs.baselines import masker_for
from explainers.inputs.segments import region_masks, segment_input
from explainers.perturbation._family import (
    FILL_CAVEAT,
    REDUNDANCY_CAVEAT,
    RegionOptions,
    count_regions,
    perturbation,
    regions_by_area,
)


@perturbation(
    "feature-ablation",
    options=RegionOptions,
    title="Feature ablation",
    needs=Needs.SCORES,
    cost=lambda shape, options: Cost(shape[0] * (count_regions(shape, options) + 1), 0),
    citation="Captum's feature ablation: Kokhlikyan et al. 2020, arXiv:2009.07896",
    shows="How far the score falls when one region is covered and the others stay.",
    caveat=FILL_CAVEAT + REDUNDANCY_CAVEAT,
    signed=True,
)
def feature_ablation(run: Run, input: Tensor, target: Target, options: RegionOptions) -> Iterator[Estimate]:
    """Score - score without the region, of every region, given to each of its pixels: (H, W) or (F,), in units of the score."""
    regions = segment_input(run.model, input, options.segments, options.regions).to(input.device)
    count = int(regions.max()) + 1
    order, extents = regions_by_area(regions)
    mask_input = masker_for(run.model, input, options.fill)

    def without_region(rows: slice) -> tuple[Tensor, Tensor]:
        hidden = order[rows]
        shown = 1 - F.one_hot(hidden, count).to(input)
        return mask_input(region_masks(shown, regions, input)), hidden

    whole_score = run.scores(input, target)
    drops = input.new_zeros(count)
    done = 0
    for hidden, scores in variant_scores(run, input, target, count, without_region, options.precision, extents):
        drops[hidden] = whole_score - scores
        done += len(scores)
        yield Estimate(drops[regions], done / count)
