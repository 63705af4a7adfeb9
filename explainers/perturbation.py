"""Perturbation: hide a part of the input and record how the score answers. Works on black boxes: only scores are read."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from explainers.core.attribution import Cost
from explainers.core.baselines import Fill, masker_for
from explainers.core.boxes import Extents
from explainers.core.errors import VitrineError
from explainers.core.estimate import Estimate, SampledOptions
from explainers.core.mixed_precision import ScoredOptions
from explainers.core.model import Needs
from explainers.core.registry import explainer
from explainers.core.rng import seeded_generator
from explainers.core.run import Run
from explainers.core.segments import Segments, region_masks, segment_extents, segment_input
from explainers.core.target import Target
from explainers.core.variant_scores import variant_scores

perturbation = functools.partial(explainer, family="perturbation")

HIDDEN = (
    "A picture with a hole is one the model never saw: part of the answer is about the hole. "
    "Another fill gives another map."
)
TOGETHER = " Parts that do the same work hide each other: cover one and the other still carries the score."


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


class OcclusionOptions(FillOptions):
    patch: int = Field(32, ge=2, le=256, description="Side of the patch, in pixels of the model's input.")
    stride: int = Field(16, ge=1, le=256, description="Step between patches; smaller is finer and slower.")


def patch_corners(height: int, width: int, options: OcclusionOptions) -> Tensor:
    """(row, column) of every patch's upper left corner, (P, 2); the last of a line may reach over the edge."""
    rows, columns = (
        torch.arange(math.ceil(max(0, side - options.patch) / options.stride) + 1) * options.stride
        for side in (height, width)
    )
    return torch.cartesian_prod(rows, columns)


def _occlusion_cost(shape: Sequence[int], options: OcclusionOptions) -> Cost:
    return Cost(
        shape[0] * (len(patch_corners(shape[-2], shape[-1], options)) + 1), 0, box=(options.patch, options.patch)
    )


@perturbation(
    "occlusion",
    title="Occlusion",
    needs=Needs.SCORES | Needs.IMAGES,
    cost=_occlusion_cost,
    citation="Zeiler & Fergus 2013, arXiv:1311.2901",
    shows="How far the score falls when a patch is covered, averaged over the patches that cover a pixel.",
    caveat=HIDDEN + TOGETHER + " What is smaller than the patch is smeared over it.",
    signed=True,
)
def occlusion(run: Run, one: Tensor, target: Target, options: OcclusionOptions) -> Iterator[Estimate]:
    """Score drop per pixel, averaged over the patches that cover it, (H, W); positive where covering lowers the score."""
    height, width = one.shape[-2:]
    corners = patch_corners(height, width, options)
    # In random order the whole picture is covered early, and the map sharpens everywhere at once.
    corners = corners[torch.randperm(len(corners), generator=seeded_generator("cpu", 0))]
    extents = Extents(corners, corners + options.patch, (height, width))
    corners = corners.to(one.device)
    hidden_by = masker_for(run.model, one, options.fill)
    row, column = torch.arange(height, device=one.device), torch.arange(width, device=one.device)

    def patches(numbers: slice) -> tuple[Tensor, Tensor]:
        top, left = corners[numbers].unsqueeze(2).unbind(1)
        inside_rows = (row >= top) & (row < top + options.patch)
        inside_columns = (column >= left) & (column < left + options.patch)
        covered = (inside_rows.unsqueeze(2) & inside_columns.unsqueeze(1)).to(one)
        return hidden_by(1 - covered.unsqueeze(1)), covered

    whole = run.scores(one, target)
    dropped, times = one.new_zeros(height * width), one.new_zeros(height * width)
    done = 0
    for covered, scores in variant_scores(run, one, target, len(corners), patches, options.precision, extents):
        dropped += (whole - scores) @ covered.flatten(1)
        times += covered.flatten(1).sum(0)
        done += len(scores)
        yield Estimate((dropped / times.clamp_min(1)).view(height, width), done / len(corners))


@perturbation(
    "feature-ablation",
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


def small_to_large(regions: Tensor) -> tuple[Tensor, Extents | None]:
    """The numbers of the regions (R,), those in small boxes first, and their boxes in that order; as they come where there are none."""
    extents = segment_extents(regions)
    if extents is None:
        return torch.arange(int(regions.max()) + 1, device=regions.device), None
    order = extents.areas().argsort(stable=True)
    return order.to(regions.device), extents.take(order)


class PermutationOptions(RegionOptions):
    draws: int = Field(10, ge=2, le=200, description="How many times every region is shuffled.")
    seed: int = Field(0, ge=0, description="Seed of the draws.")


@perturbation(
    "feature-permutation",
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


class RiseOptions(FillOptions, SampledOptions):
    samples: int = Field(2000, ge=16, le=20000, description="Random masks.")
    cells: int = Field(
        7, ge=2, le=32, description="Cells along a side of the coarse random grid that masks are made from."
    )
    shown: float = Field(0.5, ge=0.05, le=0.95, description="Share of the cells that stay visible.")


@perturbation(
    "rise",
    title="RISE",
    needs=Needs.SCORES | Needs.IMAGES,
    cost=lambda shape, options: Cost(shape[0] * (options.samples + 1), 0),
    citation="Petsiuk, Das & Saenko 2018, arXiv:1806.07421",
    shows="The mean score of randomly masked pictures in which a pixel was visible, less the mean over all of them: where "
    "visibility helps.",
    caveat=HIDDEN + " It is a sample: the standard error beside it says how far to trust small differences.",
    signed=True,
)
def rise(run: Run, one: Tensor, target: Target, options: RiseOptions) -> Iterator[Estimate]:
    """Weighted mean of the scores with the masks' values at a pixel as weights, minus their plain mean, (H, W).

    Masks are made as published: a coarse random grid, enlarged bilinearly, shifted at random. (The paper divides by the
    masks' expected sum instead of their sum, and leaves the mean in, which every pixel shares.) The
    standard error is that of the difference of a ratio of sums and a mean, by the delta method.
    """
    height, width = one.shape[-2:]
    masks_of = random_masks(one, options)
    hidden_by = masker_for(run.model, one, options.fill, options.seed)

    def masked(numbers: slice) -> tuple[Tensor, Tensor]:
        masks = masks_of(numbers)
        return hidden_by(masks), masks

    # Sums over masks of (1, score, score^2) times the mask at a pixel, times its square, and alone.
    first, second = one.new_zeros(2, 3, height * width)
    alone = one.new_zeros(3)
    base: Tensor | None = None
    for masks, scores in variant_scores(run, one, target, options.samples, masked, options.precision):
        base = scores.mean() if base is None else base  # large common parts would eat the sums' last digits
        centred = scores - base
        powers = torch.stack([torch.ones_like(centred), centred, centred.square()])
        flat = masks.flatten(1)
        first += powers @ flat
        second += powers @ flat.square()
        alone += powers.sum(1)
        values, error = _less_the_mean(first, second, alone)
        share = float(alone[0]) / options.samples
        yield Estimate(values.view(height, width), share, error.view(height, width))


def _less_the_mean(first: Tensor, second: Tensor, alone: Tensor) -> tuple[Tensor, Tensor]:
    """Mean of scores s weighted by masks m, less their plain mean, and its standard error, each (pixels,).

    A mask's influence on it is m (s - weighted) / sum(m) - (s - plain) / n, and the squares of these add up.

    Args:
        first, second: sums of m and of m^2, each times (1, s, s^2): (3, pixels). alone: sums of (1, s, s^2), (3,).
    """
    count, shown = alone[0], first[0].clamp_min(1e-12)
    weighted, plain = first[1] / shown, alone[1] / count
    of_ratio = (second[2] - 2 * weighted * second[1] + weighted.square() * second[0]) / shown.square()
    of_both = (first[2] / shown - weighted.square()) / count
    of_mean = (alone[2] / count - plain.square()) / count
    return weighted - plain, (of_ratio - 2 * of_both + of_mean).clamp_min(0).sqrt()


def random_masks(one: Tensor, options: RiseOptions) -> Callable[[slice], Tensor]:
    """RISE's masks, made when they are needed: (numbers) -> (m, 1, H, W)."""
    source = seeded_generator("cpu", options.seed)
    cells = options.cells
    grids = (torch.rand(options.samples, cells, cells, generator=source) < options.shown).to(one)
    ways = []
    for side in one.shape[-2:]:
        step = math.ceil(side / cells)
        # Enlarging is linear, so a mask is (enlarge rows) @ grid @ (enlarge columns), with one pair of matrices per shift.
        enlarge = F.interpolate(torch.eye(cells).unsqueeze(0), (cells + 1) * step, mode="linear", align_corners=False)
        windows = enlarge[0].unfold(1, side, 1)[:, :step].permute(1, 2, 0).to(one)  # (shift, side, cells)
        ways.append((windows, torch.randint(step, (options.samples,), generator=source).to(one.device)))
    (by_row, down), (by_column, right) = ways

    def masks(numbers: slice) -> Tensor:
        rows = by_row[down[numbers]] @ grids[numbers]
        return (rows @ by_column[right[numbers]].transpose(1, 2)).unsqueeze(1)

    return masks
