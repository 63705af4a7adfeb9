"""What CAMs without gradients share: a layer's channels or places, tried as masks one after the other while the score is watched."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from explainers.core.attribution import min_max_scaled
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

MASKED_CAVEAT = (
    " Pictures darkened by masks are ones that the model never saw, and the softmax over the channels lets a few of "
    "them decide where scores are large."
)

CUT_LAYER_CAVEAT = (
    " A layer with a part cut out is a state that the network never had: part of the answer is about the hole."
)


class ScoreCamOptions(LayerOptions, ScoredOptions):
    """Options of every form of Score-CAM."""


def variants_per_channel(options: ScoreCamOptions) -> int:
    """How many masked inputs are made of every channel."""
    return int(getattr(options, "samples", getattr(options, "steps", 1)))


def _cost_at(shape: Sequence[int], options: ScoreCamOptions, layer: Layer) -> Cost:
    return Cost(shape[0] * (layer.channels * variants_per_channel(options) + 1), 0)


score_cam_method = functools.partial(
    explainer,
    family="cam",
    needs=Needs.LAYERS | Needs.IMAGES,
    cost=lambda shape, options: Cost(shape[0] * (variants_per_channel(options) + 1), 0),
    cost_at=_cost_at,
    signed=False,
)


def score_weighted_maps(
    run: Run, input: Tensor, target: Target, options: ScoreCamOptions, apply: Callable[[Tensor, Tensor, Tensor], Tensor]
) -> Iterator[Estimate]:
    """Channels added up with the softmax of their scores as weights; those not yet scored are left out.

    The paper takes the score of the unmasked picture away from all scores; their softmax is the same.

    Args:
        apply: (masks (m, 1, H, W), channel_index (m,), variant_index (m,)) -> the input seen through them, (m, C, H, W).
    """
    activations = run.activations(input, [options.layer])[0][0]
    # The strongest channels first: the map is near its end early.
    order = activations.flatten(1).amax(1).argsort(descending=True, stable=True)
    count = len(order)

    def masked_inputs(rows: slice) -> tuple[Tensor, Tensor]:
        row_indices = torch.arange(rows.start, rows.stop, device=input.device)
        channel_index, variant_index = order[row_indices % count], row_indices // count
        masks = channel_masks(activations[channel_index], input.shape[-2:])
        return apply(masks, channel_index, variant_index), channel_index

    total, times = input.new_zeros(count), input.new_zeros(count)
    done, passes = 0, count * variants_per_channel(options)
    for channel_index, scores in variant_scores(run, input, target, passes, masked_inputs, options.precision):
        total.index_add_(0, channel_index, scores)
        times.index_add_(0, channel_index, torch.ones_like(scores))
        done += len(scores)
        means = torch.where(times > 0, total / times.clamp_min(1), -torch.inf)
        yield Estimate(torch.einsum("c,chw->hw", means.softmax(0), activations).relu(), done / passes)


def channel_masks(channels: Tensor, size: Sequence[int]) -> Tensor:
    """Channels (m, h, w) enlarged to (m, 1, H, W), each from 0 to 1 over its own range; 0 where it has none."""
    return min_max_scaled(F.interpolate(channels.unsqueeze(1), tuple(size), mode="bilinear", align_corners=False))
