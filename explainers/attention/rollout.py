"""Attention rollout: attention followed through all layers; plain, and weighted by gradients.

Abnar & Zuidema 2020 (arXiv:2005.00928)."""

from __future__ import annotations

import enum
from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor

from explainers.attention._family import COARSE_CAVEAT, attention_method, readout_map, require_global_attention
from explainers.core.options import Options
from explainers.core.target import Target
from explainers.engine.attention_capture import AttentionGradients
from explainers.engine.run import Run


class HeadFusion(enum.StrEnum):
    """How the heads of a layer become one."""

    MEAN = "mean"
    MAX = "max"
    MIN = "min"


class FlowOptions(Options):
    residual: float = Field(
        0.5, ge=0, le=1, description="Share of a token that bypasses each layer, on the shortcut beside its attention."
    )
    discard: float = Field(
        0.0, ge=0, le=1, description="Share of each layer's weights, the smallest, that are set to zero first."
    )


class RolloutOptions(FlowOptions):
    fusion: HeadFusion = Field(HeadFusion.MEAN, description="How the heads of a layer become one.")


@attention_method(
    "rollout",
    options=RolloutOptions,
    title="Attention rollout",
    highlights="where attention goes, whatever the class",
    unit="share of attention",
    citation="Abnar & Zuidema 2020, arXiv:2005.00928",
    shows="Attention followed through all layers down to the image: the product of the layers' weights, each mixed with the identity for the shortcut beside it.",
    caveat="It is the same whatever the class, and takes no notice of what the values, the perceptrons and the head make of what is attended to."
    + COARSE_CAVEAT,
)
def rollout(run: Run, inputs: Tensor, target: Target, options: RolloutOptions) -> Tensor:
    """Rows read of prod_l normalised((1 - r) A_l + r I), with A_l fused over heads, (N, h, w), in shares of attention."""
    captures = require_global_attention(run.attention(inputs, target, AttentionGradients.LAST), run.model.name)
    fused = [_fuse_heads(capture.weights, options.fusion) for capture in captures]
    return readout_map(_roll_out(fused, options), captures)


@attention_method(
    "gradient-rollout",
    options=FlowOptions,
    title="Gradient-weighted rollout",
    unit="relative strength",
    citation="Gildenblat 2020, github.com/jacobgil/vit-explain, after Abnar & Zuidema 2020, arXiv:2005.00928",
    shows="Rollout of attention weights times the gradients of the score by them, averaged over heads, negative ones left out: it depends on the class.",
    caveat="Its weights grow with the scale of the score while the shortcut's share does not, so maps of different networks do not compare."
    + COARSE_CAVEAT,
)
def gradient_rollout(run: Run, inputs: Tensor, target: Target, options: FlowOptions) -> Tensor:
    """Rollout of ReLU(mean over heads of G_l * A_l), (N, h, w), without a unit.

    Rows are scaled to sum up to 1, as Abnar & Zuidema do; the code cited divides columns by the sums of the rows.
    """
    captures = require_global_attention(run.attention(inputs, target), run.model.name)
    fused = [(capture.gradients * capture.weights).mean(1).relu() for capture in captures]
    return readout_map(_roll_out(fused, options), captures)


def _fuse_heads(weights: Tensor, fusion: HeadFusion) -> Tensor:
    """The weights of all heads (N, heads, T, T) as those of a single head, (N, T, T)."""
    match fusion:
        case HeadFusion.MEAN:
            return weights.mean(1)
        case HeadFusion.MAX:
            return weights.amax(1)
        case HeadFusion.MIN:
            return weights.amin(1)


def _roll_out(layers: Sequence[Tensor], options: FlowOptions) -> Tensor:
    """The product of the layers (N, T, T), the last one leftmost, each mixed with the identity and its rows summing to 1."""
    identity = torch.eye(layers[0].shape[-1]).to(layers[0])
    product = identity
    for layer in layers:
        mixed = (1 - options.residual) * _zero_smallest(layer, options.discard) + options.residual * identity
        product = mixed / mixed.sum(-1, keepdim=True).clamp_min(torch.finfo(mixed.dtype).tiny) @ product
    return product


def _zero_smallest(weights: Tensor, share: float) -> Tensor:
    """The weights (N, T, T) with this share of each input's, the smallest, set to zero."""
    flat = weights.flatten(1)
    smallest = flat.topk(int(flat.shape[1] * share), largest=False).indices
    return flat.scatter(1, smallest, 0).view_as(weights)
