"""What CAMs without gradients share: a layer's channels or places, tried as masks one after the other while the score is watched."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from explainers.core.capabilities import Needs
from explainers.core.cost import Cost
from explainers.core.estimate import Estimate
from explainers.core.options import LayerOptions
from explainers.core.target import Target
from explainers.engine.mixed_precision import ScoredOptions
from explainers.engine.run import Run
from explainers.engine.variant_scores import variant_scores
from explainers.graph.layers import Layer
from explainers.registry import explainer

MASKED = (
    " Pictures darkened by masks are ones that the model never saw, and the softmax over the channels lets a few of "
    "them decide where scores are large."
)


class ScoreCamOptions(LayerOptions, ScoredOptions):
    """What all of them can choose."""


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


def weighted_by_scores(
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


UNSEEN = " A layer with a part cut out is a state that the network never had: part of the answer is about the hole."
