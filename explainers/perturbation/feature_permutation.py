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
from explainers.perturbation._family import TOGETHER, RegionOptions, count_regions, perturbation, small_to_large


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
    + TOGETHER,
    signed=True,
)
def feature_permutation(run: Run, inputs: Tensor, target: Target, options: PermutationOptions) -> Tensor:
    """Mean score drop of every region over the draws, given to each of its pixels: (N, H, W), or (N, F)."""
    if inputs.ndim == 2 and len(inputs) == 1:
        raise VitrineError(
            "feature-permutation swaps the values of several inputs, and one vector came; give a batch, or use feature-ablation."
        )
    maps = []
    for place in range(len(inputs)):
        one = inputs if len(inputs) == 1 else inputs[place : place + 1]
        maps.append(_permuted(run, one, target.take([place]), _donors(inputs, place, options), options))
    return torch.stack(maps)


def _permuted(run: Run, one: Tensor, target: Target, donors: Tensor, options: PermutationOptions) -> Tensor:
    regions = segment_input(run.model, one, options.segments, options.regions).to(one.device)
    count = int(regions.max()) + 1

    order, extents = small_to_large(regions)
    if extents is not None:
        extents = extents.take(torch.arange(count).repeat_interleave(options.draws))

    def swapped(numbers: slice) -> tuple[Tensor, Tensor]:
        number = torch.arange(numbers.start, numbers.stop, device=one.device)
        region = order[number // options.draws]
        shown = 1 - F.one_hot(region, count).to(one)
        return torch.lerp(donors[number % options.draws], one, region_masks(shown, regions, one)), region

    whole = run.scores(one, target)
    drops = one.new_zeros(count)
    for region, scores in variant_scores(run, one, target, count * options.draws, swapped, options.precision, extents):
        drops.index_add_(0, region, whole - scores)
    return (drops / options.draws)[regions]


def _donors(inputs: Tensor, place: int, options: PermutationOptions) -> Tensor:
    """Where the swapped-in values of input `place` come from, (draws, ...)."""
    source = seeded_generator("cpu", options.seed, place)
    if len(inputs) > 1:
        others = torch.randint(len(inputs) - 1, (options.draws,), generator=source)
        return inputs[(others + (others >= place)).to(inputs.device)]
    pixels = inputs[0].flatten(1)
    orders = [torch.randperm(pixels.shape[1], generator=source).to(inputs.device) for _ in range(options.draws)]
    return torch.stack([pixels[:, order] for order in orders]).view(options.draws, *inputs.shape[1:])
