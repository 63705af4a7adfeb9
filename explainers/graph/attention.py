"""Attention computed step by step instead of by fused kernels, so that its weights can be seen or replaced."""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explainers.core.capabilities import is_attention

SOFTMAX_CALLS = (F.softmax, torch.softmax, Tensor.softmax)


def decomposed_multi_head(product: Callable[..., Tensor], softmax: Callable[..., Tensor]) -> Callable[..., Any]:
    """`F.multi_head_attention_forward` with a product of attention and a softmax of one's own."""
    # The same code with three names bound elsewhere. It hands itself to a mode before anything else, which is how
    # it comes to one; called again as it stands it would never get past that, and without a mode it would fuse.
    twin = F.multi_head_attention_forward
    names = {
        "has_torch_function": lambda tensors: False,
        "scaled_dot_product_attention": product,
        "softmax": softmax,
    }
    return types.FunctionType(twin.__code__, {**twin.__globals__, **names}, None, twin.__defaults__)


def decomposed_attention(
    weigh: Callable[[Tensor], Tensor],
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(Q K^T / sqrt(d) + mask) V, as the documentation of `F.scaled_dot_product_attention` spells it.

    Args:
        weigh: the softmax, or what takes its place: (logits (..., T, S)) -> weights.
    """
    if enable_gqa:
        key = key.repeat_interleave(query.shape[-3] // key.shape[-3], -3)
        value = value.repeat_interleave(query.shape[-3] // value.shape[-3], -3)
    logits = query @ key.transpose(-2, -1) * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if is_causal:
        attn_mask = torch.ones(logits.shape[-2:], dtype=torch.bool, device=logits.device).tril()
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        logits = logits.masked_fill(~attn_mask, -math.inf)
    elif attn_mask is not None:
        logits = logits + attn_mask
    return F.dropout(weigh(logits), dropout_p) @ value


def attention_blocks(network: nn.Module) -> list[str]:
    """Names of the repeated blocks that hold the attention: "blocks.0", "blocks.1", and so on; "" if it is all in the network's own forward."""
    # A module with attention inside, such as a network that is called after it, is none of its own.
    names = [
        name.split(".")
        for name, module in network.named_modules()
        if is_attention(module) and sum(is_attention(part) for part in module.modules()) == 1
    ]
    depth = next((i for i, parts in enumerate(zip(*names, strict=False)) if len(set(parts)) > 1), 0)
    return list(dict.fromkeys(".".join(parts[: depth + 1]) for parts in names))
