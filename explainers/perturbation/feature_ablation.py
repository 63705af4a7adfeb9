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
from explainers.perturbation._family import HIDDEN, TOGETHER, RegionOptions, count_regions, perturbation, small_to_large


@perturbation(
    "feature-ablation",
    options=RegionOptions,
    title="Feature ablation",
    needs=Needs.SCORES,
    cost=lambda shape, options: Cost(shape[0] * (count_regions(shape, options) + 1), 0),
    citation="Captum's feature ablation: Kokhlikyan et al. 2020, arXiv:2009.07896",
    shows="How far the score falls when one region is covered and the others stay.",
    caveat=HIDDEN + TOGETHER,
    signed=True,
)
def feature_ablation(run: Run, one: Tensor, target: Target, options: RegionOptions) -> Iterator[Estimate]:
    """Score drop of every region, given to each of its pixels: (H, W), or (F,)."""
    regions = segment_input(run.model, one, options.segments, options.regions).to(one.device)
    count = int(regions.max()) + 1
    order, extents = small_to_large(regions)
    hidden_by = masker_for(run.model, one, options.fill)

    def without_one(numbers: slice) -> tuple[Tensor, Tensor]:
        left_out = order[numbers]
        shown = 1 - F.one_hot(left_out, count).to(one)
        return hidden_by(region_masks(shown, regions, one)), left_out

    whole = run.scores(one, target)
    drops = one.new_zeros(count)
    done = 0
    for left_out, scores in variant_scores(run, one, target, count, without_one, options.precision, extents):
        drops[left_out] = whole - scores
        done += len(scores)
        yield Estimate(drops[regions], done / count)
