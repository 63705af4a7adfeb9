"""Score-CAM and its smoothed and integrated forms: how well a layer's channels do as masks. No gradients."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from explainers.core.attribution import Cost
from explainers.core.estimate import Estimate
from explainers.core.layers import Layer
from explainers.core.mixed_precision import ScoredOptions
from explainers.core.model import Needs
from explainers.core.registry import explainer
from explainers.core.rng import seeded_noise
from explainers.core.run import Run
from explainers.core.target import Target
from explainers.core.variant_scores import variant_scores
from explainers.grad_cam import COARSE, CamOptions

_MASKED = (
    " Pictures darkened by masks are ones that the model never saw, and the softmax over the channels lets a few of "
    "them decide where scores are large."
)


class ScoreCamOptions(CamOptions, ScoredOptions):
    """What all of them can choose."""


class SmoothedOptions(ScoreCamOptions):
    samples: int = Field(10, ge=1, le=100, description="Noisy versions of every mask; 35 in the paper's experiments.")
    noise: float = Field(2.0, ge=0, le=4, description="Standard deviation of the noise; masks go from 0 to 1.")
    seed: int = Field(0, ge=0, description="Seed of the noise.")


class IntegratedOptions(ScoreCamOptions):
    steps: int = Field(10, ge=1, le=100, description="Strengths at which every mask is tried.")


def versions_of(options: ScoreCamOptions) -> int:
    """How many pictures are made with every channel's mask."""
    return int(getattr(options, "samples", getattr(options, "steps", 1)))


def _cost_at(shape: Sequence[int], options: ScoreCamOptions, layer: Layer) -> Cost:
    return Cost(shape[0] * (layer.channels * versions_of(options) + 1), 0)


score_cam_form = functools.partial(
    explainer,
    family="cam",
    needs=Needs.LAYERS | Needs.IMAGES,
    cost=lambda shape, options: Cost(shape[0] * (versions_of(options) + 1), 0),
    cost_at=_cost_at,
    signed=False,
)


@score_cam_form(
    "score-cam",
    title="Score-CAM",
    unit="weighted activation",
    citation="Wang et al. 2020, arXiv:1910.01279",
    shows="Channels of the layer added up, each weighted by the score of the picture seen through that channel alone.",
    caveat=COARSE + _MASKED,
)
def score_cam(run: Run, one: Tensor, target: Target, options: ScoreCamOptions) -> Iterator[Estimate]:
    """ReLU(sum_c w_c A_c) with w = softmax over the channels of score(input * mask_c), (h, w)."""
    yield from _weighted_by_scores(run, one, target, options, lambda masks, channels, versions: masks * one)


@score_cam_form(
    "ss-cam",
    title="SS-CAM",
    unit="weighted activation",
    citation="Wang et al. 2020, arXiv:2006.14255",
    shows="Score-CAM with weights averaged over noisy versions of every mask.",
    caveat=COARSE + _MASKED + " It is a sample: another seed gives a slightly different map.",
)
def ss_cam(run: Run, one: Tensor, target: Target, options: SmoothedOptions) -> Iterator[Estimate]:
    """As Score-CAM, the score of a channel being the mean of score(input * (mask_c + noise)), (h, w)."""

    def noisy(masks: Tensor, channels: Tensor, versions: Tensor) -> Tensor:
        noise = seeded_noise(masks, options.seed, channels * options.samples + versions)
        return (masks + options.noise * noise) * one

    yield from _weighted_by_scores(run, one, target, options, noisy)


@score_cam_form(
    "is-cam",
    title="IS-CAM",
    unit="weighted activation",
    citation="Naidu et al. 2020, arXiv:2010.03023; strengths as in TorchCAM",
    shows="Score-CAM with weights averaged over masks of growing strength.",
    caveat=COARSE + _MASKED + " The strongest pictures are several times brighter than any real one.",
)
def is_cam(run: Run, one: Tensor, target: Target, options: IntegratedOptions) -> Iterator[Estimate]:
    """As Score-CAM, the score of a channel being the mean of score(s_i mask_c * input), s_i = (1 + ... + i) / steps, (h, w)."""
    strengths = (torch.arange(1, options.steps + 1).cumsum(0) / options.steps).to(one)

    def stronger(masks: Tensor, channels: Tensor, versions: Tensor) -> Tensor:
        return strengths[versions].view(-1, 1, 1, 1) * masks * one

    yield from _weighted_by_scores(run, one, target, options, stronger)


def _weighted_by_scores(
    run: Run, one: Tensor, target: Target, options: ScoreCamOptions, seen: Callable[[Tensor, Tensor, Tensor], Tensor]
) -> Iterator[Estimate]:
    """Channels added up with the softmax of their scores as weights; those not yet seen are left out.

    The paper takes the score of the unmasked picture away from all scores; their softmax is the same.

    Args:
        seen: (masks (m, 1, H, W), numbers of their channels (m,), numbers of the versions (m,)) -> pictures (m, C, H, W).
    """
    activations = run.activations(one, [options.layer])[0][0]
    # The strongest channels first: the map is near its end early.
    order = activations.flatten(1).amax(1).argsort(descending=True, stable=True)
    count = len(order)

    def pictures(numbers: slice) -> tuple[Tensor, Tensor]:
        number = torch.arange(numbers.start, numbers.stop, device=one.device)
        channels = order[number % count]
        return seen(channel_masks(activations[channels], one.shape[-2:]), channels, number // count), channels

    total, times = one.new_zeros(count), one.new_zeros(count)
    done, all_pictures = 0, count * versions_of(options)
    for channels, scores in variant_scores(run, one, target, all_pictures, pictures, options.precision):
        total.index_add_(0, channels, scores)
        times.index_add_(0, channels, torch.ones_like(scores))
        done += len(scores)
        means = torch.where(times > 0, total / times.clamp_min(1), -torch.inf)
        yield Estimate(torch.einsum("c,chw->hw", means.softmax(0), activations).relu(), done / all_pictures)


def channel_masks(channels: Tensor, size: Sequence[int]) -> Tensor:
    """Channels (m, h, w) enlarged to (m, 1, H, W), each from 0 to 1 over its own range; 0 where it has none."""
    masks = F.interpolate(channels.unsqueeze(1), tuple(size), mode="bilinear", align_corners=False)
    low, high = masks.amin((2, 3), keepdim=True), masks.amax((2, 3), keepdim=True)
    return (masks - low) / torch.where(high > low, high - low, 1)
