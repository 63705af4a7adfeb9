"""Feature permutation: swap a region's values for others that occur.

Breiman 2001 (doi:10.1023/A:1010933404324); Fisher, Rudin & Dominici 2018 (arXiv:1801.01489)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from explainers.core.capabilities import Needs
from explainers.core.cost import Cost
from explainers.core.errors import VitrineError
from explainers.core.rng import seeded_generator
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.engine.variant_scores import variant_scores
from explainers.inputs.segments import region_masks, segment_input
from explainers.perturbation._family import (
    REDUNDANCY_CAVEAT,
    RegionOptions,
    count_regions,
    perturbation,
    regions_by_area,
)


class PermutationOptions(RegionOptions):
    draws: int = Field(10, ge=2, le=200, description="How many times every region is shuffled.")
    seed: int = Field(0, ge=0, description="Seed of the draws.")


@perturbation(
    "feature-permutation",
    options=PermutationOptions,
    title="Feature permutation",
    needs=Needs.SCORES,
    cost=lambda shape, options: Cost(shape[0] * (count_regions(shape, options) * options.draws + 1), 0),
    citation="Breiman 2001, doi:10.1023/A:1010933404324; Fisher, Rudin & Dominici 2018, arXiv:1801.01489",
    shows="How far the score falls when a region's values are swapped for others that occur: those of the other inputs "
    "given with this one, or, for one picture alone, those of other places in it.",
    caveat="The fill option plays no part. Swapped values may not go with their neighbours, which makes inputs that cannot occur."
    + REDUNDANCY_CAVEAT,
    signed=True,
)
def feature_permutation(run: Run, inputs: Tensor, target: Target, options: PermutationOptions) -> Tensor:
    """Mean over the draws of score - score with the region's values swapped, given to each of its pixels.

    (N, H, W) or (N, F), in units of the score.
    """
    if inputs.ndim == 2 and len(inputs) == 1:
        raise VitrineError(
            "feature-permutation swaps the values of several inputs, and one vector came; give a batch, or use feature-ablation."
        )
    maps = []
    for input_index in range(len(inputs)):
        input = inputs if len(inputs) == 1 else inputs[input_index : input_index + 1]
        donors = _draw_donors(inputs, input_index, options)
        maps.append(_mean_drops(run, input, target.take([input_index]), donors, options))
    return torch.stack(maps)


def _mean_drops(run: Run, input: Tensor, target: Target, donors: Tensor, options: PermutationOptions) -> Tensor:
    """The map of one input, (H, W) or (F,), with the values of `donors` (draws, ...) swapped in."""
    regions = segment_input(run.model, input, options.segments, options.regions).to(input.device)
    count = int(regions.max()) + 1
    order, extents = regions_by_area(regions)
    if extents is not None:
        extents = extents.take(torch.arange(count).repeat_interleave(options.draws))

    def swapped(rows: slice) -> tuple[Tensor, Tensor]:
        variant_index = torch.arange(rows.start, rows.stop, device=input.device)
        region = order[variant_index // options.draws]
        shown = 1 - F.one_hot(region, count).to(input)
        return torch.lerp(donors[variant_index % options.draws], input, region_masks(shown, regions, input)), region

    whole_score = run.scores(input, target)
    drops = input.new_zeros(count)
    variants = count * options.draws
    for region, scores in variant_scores(run, input, target, variants, swapped, options.precision, extents):
        drops.index_add_(0, region, whole_score - scores)
    return (drops / options.draws)[regions]


def _draw_donors(inputs: Tensor, input_index: int, options: PermutationOptions) -> Tensor:
    """What the values that input `input_index` gets come from: other inputs, or itself with its places shuffled, (draws, ...)."""
    generator = seeded_generator("cpu", options.seed, input_index)
    if len(inputs) > 1:
        others = torch.randint(len(inputs) - 1, (options.draws,), generator=generator)
        return inputs[(others + (others >= input_index)).to(inputs.device)]
    pixels = inputs[0].flatten(1)
    orders = [torch.randperm(pixels.shape[1], generator=generator).to(inputs.device) for _ in range(options.draws)]
    return torch.stack([pixels[:, order] for order in orders]).view(options.draws, *inputs.shape[1:])
