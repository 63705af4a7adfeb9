"""AttnLRP against the functions of its authors, put together by hand into one block of a transformer."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from lxt.explicit import functional as lxt
from lxt.explicit import rules
from torch import Tensor, nn

from explainers.core.model import Model
from explainers.core.target import ClassTarget
from explainers.engine.engine import engine_for
from explainers.engine.run import Run
from explainers.relevance.attn_lrp import AttentionRelevanceOptions, propagate_through_attention
from tests.support.models.networks import assert_close, random_inputs

WIDTH, HIDDEN, NOTHING = 6, 10, 1e-12
EPSILON_RULE = AttentionRelevanceOptions(gamma=0.0, patch_gamma=0.0)


class Block(nn.Module):
    """Norm, attention of one head, shortcut; norm, perceptron, shortcut; norm, and a head that reads the mean."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(WIDTH) for _ in range(3))
        self.query, self.key, self.value, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.widen, self.narrow, self.head = nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, WIDTH), nn.Linear(WIDTH, 3)

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).transpose(1, 2)
        normed = self.norm1(tokens)
        mixed = F.scaled_dot_product_attention(self.query(normed), self.key(normed), self.value(normed))
        tokens = tokens + self.out(mixed)
        tokens = tokens + self.narrow(F.gelu(self.widen(self.norm2(tokens))))
        return self.head(self.norm3(tokens).mean(1))


def authors(network: Block, x: Tensor) -> Tensor:
    """The same outputs, with relevance in the place of gradients."""

    def linear(layer: nn.Linear, tokens: Tensor) -> Tensor:
        return lxt.linear_epsilon(tokens, layer.weight, layer.bias, NOTHING)

    def norm(layer: nn.LayerNorm, tokens: Tensor) -> Tensor:
        return lxt.layer_norm(tokens, layer.weight, layer.bias, layer.eps)

    tokens = x.flatten(2).transpose(1, 2)
    normed = norm(network.norm1, tokens)
    query, key, value = (linear(layer, normed) for layer in (network.query, network.key, network.value))
    logits = lxt.matmul(query, key.transpose(1, 2), epsilon=NOTHING)
    weights = lxt.softmax(logits, -1, temperature=math.sqrt(WIDTH))
    tokens = lxt.add2(tokens, linear(network.out, lxt.matmul(weights, value, epsilon=NOTHING)), epsilon=NOTHING)
    hidden = rules.identity(F.gelu, linear(network.widen, norm(network.norm2, tokens)))
    tokens = lxt.add2(tokens, linear(network.narrow, hidden), epsilon=NOTHING)
    return linear(network.head, lxt.mean(norm(network.norm3, tokens), 1, False, NOTHING))


@pytest.mark.parametrize("target", [0, 2])
def test_attn_lrp_is_the_authors(target: int) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Block().double().requires_grad_(False)
    images = random_inputs(2, (WIDTH, 3, 3), dtype=torch.float64)
    x = images.clone().requires_grad_()
    outputs = authors(network, x)
    assert_close(outputs.detach(), network(images), 1e-9)
    scores = outputs[:, target]
    (expected,) = torch.autograd.grad(scores, x, scores.detach())
    run = Run(Model("block", network, (WIDTH, 3, 3)), engine_for("cpu"))
    relevance = propagate_through_attention(run, images, ClassTarget(target), "attn-lrp", EPSILON_RULE)
    assert_close(relevance, expected, 5e-4)  # their norms add 1e-6 below
