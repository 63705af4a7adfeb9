"""Attention of one head, the smallest network in which relevance goes through attention, and ways to write it."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Product = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(query, key, value), each (N, T, channels) -> (N, T, channels)."""


class OneHead(nn.Module):
    """Attention of one head over the places of an image, without a bias anywhere, and the mean of what it puts out."""

    def __init__(self, product: Product, width: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.query, self.key, self.value, self.head = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.product = product

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).transpose(1, 2)
        return self.head(self.product(self.query(tokens), self.key(tokens), self.value(tokens))).mean(1)


def scaled_dot_product(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(query, key, value)


def spelled_out(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return torch.bmm(torch.softmax(query @ key.transpose(1, 2) / math.sqrt(key.shape[2]), -1), value)


def by_einsum(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    weights = torch.einsum("nid,njd->nij", query, key).div(math.sqrt(key.shape[2])).softmax(-1)
    return torch.einsum("nij,njd->nid", [weights, value])


def by_names(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """As older code spells it, with a tensor of rubbish that counts nothing."""
    rubbish = query.new_full((len(query), query.shape[1], key.shape[1]), math.nan)
    scale = 1 / math.sqrt(key.shape[2])
    logits = torch.baddbmm(rubbish, batch1=query, batch2=key.transpose(1, 2), beta=0, alpha=scale)
    return torch.bmm(torch.softmax(input=logits, dim=-1), mat2=value)
