"""What the methods of attention share: reading maps off the attention of a network.

All methods are different sums over the same capture of the network: the attention weights A and, for those that need
them, the gradients G of the score, both (N, heads, T, T) for each layer. Row i of A is what token i attends to. Maps are
read off the rows of those tokens that the head of the network reads (the class token, or all whose mean it takes), at the
columns of the image's tokens; they are at the resolution of the token grid, and not normalised."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor

from explainers.core.capabilities import Needs
from explainers.core.cost import Cost
from explainers.core.errors import VitrineError
from explainers.engine.attention_capture import AttentionCapture
from explainers.graph.layout import Layout, Windows
from explainers.registry import explainer

Item = TypeVar("Item")

COARSE_CAVEAT = (
    " It is as coarse as the grid of tokens, stretched over the image: edges in it are not edges in the picture."
)

attention_method = functools.partial(
    explainer,
    family="attention",
    needs=Needs.LAYERS | Needs.GRADIENTS | Needs.IMAGES | Needs.ATTENTION,
    cost=lambda shape, options: Cost(shape[0], shape[0]),
    signed=False,
)
"""The decorator that registers a method of this family."""


def readout_weights(captures: Sequence[AttentionCapture]) -> Tensor:
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


def readout_map(flow: Tensor, captures: Sequence[AttentionCapture]) -> Tensor:
    """The rows that the head reads of a flow from tokens to tokens (N, T, T), as maps (N, h, w)."""
    received = torch.einsum("t,nts->ns", readout_weights(captures), flow)
    return tokens_to_map(captures[-1], received.unsqueeze(1))[:, 0]


def head_maps(capture: AttentionCapture, readout: Tensor) -> Tensor:
    """Each head's weights in the rows that are read, (N, heads, h, w); the mean of all rows in a layer of other tokens.

    Args:
        readout: how much the network's head reads of each token of the last layer, see `readout_weights`.
    """
    weights = capture.weights
    if isinstance(capture.layout, Windows) or weights.shape[-2] != len(readout):
        return tokens_to_map(capture, weights.mean(2))
    return tokens_to_map(capture, torch.einsum("t,nhts->nhs", readout, weights))


def tokens_to_map(capture: AttentionCapture, received: Tensor) -> Tensor:
    """Values per head and token (N, heads, T) on the grid of the image, (N, heads, h, w)."""
    return require_layout(capture).spatial(received.transpose(1, 2))


def require_layout(capture: AttentionCapture) -> Layout | Windows:
    """Where the layer's tokens lie on the image.

    Raises:
        VitrineError: that is not known.
    """
    if capture.layout is None:
        raise VitrineError(
            f"The {capture.weights.shape[-1]} tokens that {capture.name} attends to cannot be laid out on the image; "
            "choose another layer, or a method of another family, such as grad-cam."
        )
    return capture.layout


def is_global_attention(captures: Sequence[AttentionCapture]) -> bool:
    """Whether all layers attend over the same tokens of the whole image, not within windows."""
    first = captures[0].layout
    return isinstance(first, Layout) and all(capture.layout == first for capture in captures)


def require_global_attention(captures: list[AttentionCapture], name: str) -> list[AttentionCapture]:
    """The captures, if attention can be followed through all layers.

    Args:
        name: of the model.

    Raises:
        VitrineError: it cannot.
    """
    if not is_global_attention(captures):
        raise VitrineError(
            f"{name} attends within windows, or its layers over different tokens, so attention cannot be followed through "
            "all of them; choose attention (of one layer), or grad-cam."
        )
    return captures


def item_at(items: Sequence[Item], index: int | None, kind: str, owner: str) -> Item:
    """The item of this index, by default the last.

    Args:
        kind: what the items are, for the sentence that refuses an index: "attention layers, from 0".
        owner: what has them, for the same sentence.

    Raises:
        VitrineError: there are fewer.
    """
    if index is None:
        return items[-1]
    if index >= len(items):
        raise VitrineError(f"{owner} has {len(items)} {kind}; there is no number {index}.")
    return items[index]
