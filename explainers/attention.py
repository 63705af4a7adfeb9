"""Attention: where the tokens of a transformer look, layer by layer and through all layers.

All methods are different sums over the same capture of the network: the attention weights A and, for those that need
them, the gradients G of the score, both (N, heads, T, T) for each layer. Row i of A is what token i attends to. Maps are read off the rows of those
tokens that the head reads (the class token, or all whose mean it takes), at the columns of the image's tokens; they are
at the resolution of the token grid, and not normalised.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import pandas as pd
import torch
from pydantic import Field
from torch import Tensor

from explainers.core.attention_capture import AttentionCapture, AttentionGradients, Windows
from explainers.core.attribution import Cost
from explainers.core.errors import VitrineError
from explainers.core.layers import Layout
from explainers.core.model import Needs
from explainers.core.options import NoOptions, Options
from explainers.core.registry import explainer
from explainers.core.run import Run
from explainers.core.target import Target, layer_of

T = TypeVar("T")

_COARSE = " It is as coarse as the grid of tokens, stretched over the image: edges in it are not edges in the picture."


class HeadFusion(enum.StrEnum):
    """How the heads of a layer become one."""

    MEAN = "mean"
    MAX = "max"
    MIN = "min"


class HeadOptions(Options):
    block: int | None = Field(
        None,
        ge=0,
        description="The attention layer, from 0; by default the last.",
        json_schema_extra={"choices": "page"},
    )
    head: int | None = Field(
        None, ge=0, description="The head, from 0; by default the mean of all.", json_schema_extra={"choices": "page"}
    )


class FlowOptions(Options):
    residual: float = Field(
        0.5, ge=0, le=1, description="Share of a token that bypasses each layer, on the shortcut beside its attention."
    )
    discard: float = Field(
        0.0, ge=0, le=1, description="Share of each layer's weights, the smallest, that are set to zero first."
    )


class RolloutOptions(FlowOptions):
    fusion: HeadFusion = Field(HeadFusion.MEAN, description="How the heads of a layer become one.")


attention_method = functools.partial(
    explainer,
    family="attention",
    needs=Needs.LAYERS | Needs.GRADIENTS | Needs.IMAGES | Needs.ATTENTION,
    cost=lambda shape, options: Cost(shape[0], shape[0]),
    signed=False,
)


@attention_method(
    "attention",
    title="Attention of one layer",
    highlights="where attention goes, whatever the class",
    unit="share of attention",
    citation="Vaswani et al. 2017, arXiv:1706.03762; Dosovitskiy et al. 2020, arXiv:2010.11929",
    shows="The attention weights of one layer, of one head or their mean: from which places the tokens that the head of the network reads take what they take there. In windows, how much attention each place gets on average.",
    caveat="It is the same whatever the class, and attention is no evidence: what is taken from a place may count for, against or nothing."
    + _COARSE,
)
def attention(run: Run, inputs: Tensor, target: Target, options: HeadOptions) -> Tensor:
    """Weights of one layer in the rows that are read, (N, h, w); over the whole grid they sum up to at most 1."""
    captures = run.attention(inputs, target, AttentionGradients.LAST)
    capture = _chosen(captures, options.block, "attention layers, from 0", run.model.name)
    maps = _maps(capture, rows_read(captures))
    if options.head is None:
        return maps.mean(1)
    return _chosen(maps.unbind(1), options.head, f"heads in {capture.name}, from 0", run.model.name)


@attention_method(
    "rollout",
    title="Attention rollout",
    highlights="where attention goes, whatever the class",
    unit="share of attention",
    citation="Abnar & Zuidema 2020, arXiv:2005.00928",
    shows="Attention followed through all layers down to the image: the product of the layers' weights, each mixed with the identity for the shortcut beside it.",
    caveat="It is the same whatever the class, and takes no notice of what the values, the perceptrons and the head make of what is attended to."
    + _COARSE,
)
def rollout(run: Run, inputs: Tensor, target: Target, options: RolloutOptions) -> Tensor:
    """Rows read of prod_l normalised((1 - r) A_l + r I), with A_l fused over heads, (N, h, w)."""
    captures = _whole(run.attention(inputs, target, AttentionGradients.LAST), run.model.name)
    fused = [_fused_heads(capture.weights, options.fusion) for capture in captures]
    return _read(_rolled_out(fused, options), captures)


@attention_method(
    "gradient-rollout",
    title="Gradient-weighted rollout",
    unit="relative strength",
    citation="Gildenblat 2020, github.com/jacobgil/vit-explain, after Abnar & Zuidema 2020, arXiv:2005.00928",
    shows="Rollout of attention weights times the gradients of the score by them, averaged over heads, negative ones left out: it depends on the class.",
    caveat="Its weights grow with the scale of the score while the shortcut's share does not, so maps of different networks do not compare."
    + _COARSE,
)
def gradient_rollout(run: Run, inputs: Tensor, target: Target, options: FlowOptions) -> Tensor:
    """Rollout of ReLU(mean over heads of G_l * A_l), (N, h, w).

    Rows are scaled to sum up to 1, as Abnar & Zuidema do; the code cited divides columns by the sums of the rows.
    """
    captures = _whole(run.attention(inputs, target), run.model.name)
    fused = [(capture.gradients * capture.weights).mean(1).relu() for capture in captures]
    return _read(_rolled_out(fused, options), captures)


@attention_method(
    "transformer-attribution",
    title="Transformer attribution",
    citation="Chefer, Gur & Wolf 2021 (ICCV), arXiv:2103.15679: its rule for self-attention, not the layer-wise relevance propagation of their arXiv:2012.09838",
    shows="Relevance gathered from layer to layer: attention weights times the gradients of the score by them, the positive ones, averaged over heads.",
    caveat="Only what raises the score counts, and only along attention: what the perceptrons change on the way is left out."
    + _COARSE,
)
def transformer_attribution(run: Run, inputs: Tensor, target: Target, options: NoOptions) -> Tensor:
    """Rows read of R - I, where R starts as I and every layer adds mean over heads of ReLU(G_l * A_l) @ R, (N, h, w)."""
    captures = _whole(run.attention(inputs, target), run.model.name)
    identity = torch.eye(captures[0].weights.shape[-1]).to(captures[0].weights)
    relevance = identity
    for capture in captures:
        relevance = relevance + (capture.gradients * capture.weights).relu().mean(1) @ relevance
    return _read(relevance - identity, captures)


@attention_method(
    "legrad",
    title="LeGrad",
    unit="score per share of attention",
    citation="Bousselham et al. 2024, arXiv:2404.03214",
    shows="How much the score would rise with more attention to a place: the network's own head reads the tokens of every block, and the positive gradients of these scores by the block's attention are averaged over layers, heads and tokens.",
    caveat="The head was trained on the last block alone, and what it says of earlier ones is an extrapolation. Attention itself is left out: a place may be bright that gets none."
    + _COARSE,
)
def legrad(run: Run, inputs: Tensor, target: Target, options: NoOptions) -> Tensor:
    """Mean over layers, heads and rows of ReLU(d s_l / d A_l), s_l the score of block l's tokens, (N, h, w)."""
    if (read := layer_of(target)) is not None:
        raise VitrineError(
            f"LeGrad has the network's own head read every block, not layer {read!r}; choose another method for that target."
        )
    captures = _whole(run.attention(inputs, target, AttentionGradients.EACH_BLOCK_ALONE), run.model.name)
    received = torch.stack([capture.gradients.relu().mean((1, 2)) for capture in captures]).mean(0)
    return _spatial(captures[0], received.unsqueeze(1))[:, 0]


# -- heads ----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class AttentionHeads:
    """Every head of every attention layer, for one image.

    Attributes:
        names: of the layers' modules, from the first to the last.
        maps: for each layer (heads, h, w), float32 on the CPU, as the method "attention" gives them; `torch.stack` makes
            one array of layers x heads x h x w of them where all layers have the same grid.
        distances: columns layer, name, head and distance: mean distance in pixels of the model's input between a token of
            the image and those it attends to, weighted by attention (Dosovitskiy et al. 2020, arXiv:2010.11929).
        whole: whether all layers attend over the same tokens of the whole image, so that attention can be followed
            through all of them.
    """

    names: tuple[str, ...]
    maps: tuple[Tensor, ...]
    distances: pd.DataFrame
    whole: bool


def heads_of(run: Run, inputs: Tensor, target: Target) -> AttentionHeads:
    """Maps and attention distances of every head for one input (1, C, H, W)."""
    captures = run.attention(inputs, target, AttentionGradients.LAST)
    rows = rows_read(captures)
    size = (inputs.shape[-2], inputs.shape[-1])
    table = [
        {"layer": number, "name": capture.name, "head": head, "distance": distance}
        for number, capture in enumerate(captures)
        for head, distance in enumerate(attention_distance(capture, size).tolist())
    ]
    maps = tuple(_maps(capture, rows)[0].float().cpu() for capture in captures)
    names = tuple(capture.name for capture in captures)
    return AttentionHeads(names, maps, pd.DataFrame(table), _is_whole(captures))


def attention_distance(capture: AttentionCapture, image: tuple[int, int]) -> Tensor:
    """Mean distance in pixels between a token and what it attends to, per head: (heads,).

    Tokens that are no part of the image are left out, and the weights of the others scaled to sum up to 1.

    Args:
        image: height and width of the input in pixels.
    """
    layout = _known(capture)
    prefix = layout.prefix if isinstance(layout, Layout) else 0
    rows, columns = layout.window if isinstance(layout, Windows) else (layout.height, layout.width)
    down = torch.arange(rows) * (image[0] / layout.height)
    along = torch.arange(columns) * (image[1] / layout.width)
    places = torch.cartesian_prod(down, along).to(capture.weights)
    distances: Tensor = torch.linalg.vector_norm(places[:, None] - places[None], dim=2)
    weights = capture.weights[:, :, prefix:, prefix:]
    means: Tensor = (weights * distances).sum(-1) / weights.sum(-1).clamp_min(torch.finfo(weights.dtype).tiny)
    return means.mean((0, 2))


def rows_read(captures: Sequence[AttentionCapture]) -> Tensor:
    """Which tokens of the last layer the head of the network reads, as weights (T,) that sum up to 1.

    These are the tokens whose attention the scores depend on: the class token alone, or all those that are averaged.
    Where they depend on none (an untrained head of zeros), the first token if it is no part of the image, else all.
    """
    last = captures[-1]
    read = last.gradients.abs().amax((0, 1, 3)) > 0
    if not read.any():
        prefixed = isinstance(last.layout, Layout) and last.layout.prefix > 0
        read[: 1 if prefixed else None] = True
    weights: Tensor = read.to(last.weights) / read.sum()
    return weights


# -- how ------------------------------------------------------------------------------------------


def _fused_heads(weights: Tensor, fusion: HeadFusion) -> Tensor:
    """(N, heads, T, T) to (N, T, T)."""
    match fusion:
        case HeadFusion.MEAN:
            return weights.mean(1)
        case HeadFusion.MAX:
            return weights.amax(1)
        case HeadFusion.MIN:
            return weights.amin(1)


def _rolled_out(layers: Sequence[Tensor], options: FlowOptions) -> Tensor:
    """The product of the layers (N, T, T), the last one leftmost, each mixed with the identity and its rows summing to 1."""
    identity = torch.eye(layers[0].shape[-1]).to(layers[0])
    joint = identity
    for layer in layers:
        mixed = (1 - options.residual) * _without_smallest(layer, options.discard) + options.residual * identity
        joint = mixed / mixed.sum(-1, keepdim=True).clamp_min(torch.finfo(mixed.dtype).tiny) @ joint
    return joint


def _without_smallest(weights: Tensor, share: float) -> Tensor:
    flat = weights.flatten(1)
    smallest = flat.topk(int(flat.shape[1] * share), largest=False).indices
    return flat.scatter(1, smallest, 0).view_as(weights)


def _read(flow: Tensor, captures: Sequence[AttentionCapture]) -> Tensor:
    """The rows that the head reads of (N, T, T), as maps (N, h, w)."""
    return _spatial(captures[-1], torch.einsum("t,nts->ns", rows_read(captures), flow).unsqueeze(1))[:, 0]


def _maps(capture: AttentionCapture, rows: Tensor) -> Tensor:
    """Each head's weights in the rows that are read, (N, heads, h, w); of all rows alike in a layer of other tokens."""
    weights = capture.weights
    if isinstance(capture.layout, Windows) or weights.shape[-2] != len(rows):
        return _spatial(capture, weights.mean(2))
    return _spatial(capture, torch.einsum("t,nhts->nhs", rows, weights))


def _spatial(capture: AttentionCapture, received: Tensor) -> Tensor:
    """Values per head and token (N, heads, T) on the grid of the image, (N, heads, h, w)."""
    return _known(capture).spatial(received.transpose(1, 2))


def _known(capture: AttentionCapture) -> Layout | Windows:
    if capture.layout is None:
        raise VitrineError(
            f"The {capture.weights.shape[-1]} tokens that {capture.name} attends to cannot be laid out on the image; "
            "choose another layer, or a method of another family, such as grad-cam."
        )
    return capture.layout


def _is_whole(captures: Sequence[AttentionCapture]) -> bool:
    first = captures[0].layout
    return isinstance(first, Layout) and all(capture.layout == first for capture in captures)


def _whole(captures: list[AttentionCapture], name: str) -> list[AttentionCapture]:
    """The captures, if attention can be followed through all layers."""
    if not _is_whole(captures):
        raise VitrineError(
            f"{name} attends within windows, or its layers over different tokens, so attention cannot be followed through "
            "all of them; choose attention (of one layer), or grad-cam."
        )
    return captures


def _chosen(things: Sequence[T], number: int | None, what: str, name: str) -> T:
    if number is None:
        return things[-1]
    if number >= len(things):
        raise VitrineError(f"{name} has {len(things)} {what}; there is no number {number}.")
    return things[number]
