"""The rules by which steps hand on relevance: outputs stay the same, and nothing is lost, however a step is spelled."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explainers.relevance._attention_rules import AttentionRules
from tests.support.models.networks import assert_close, random_inputs


def test_steps_put_out_the_same_and_attention_half_as_steep() -> None:
    x = random_inputs(1, (3, 4), dtype=torch.float64)[0].requires_grad_()
    with AttentionRules(0.3, 0.3, attention_is_constant=False):
        for step in (
            F.gelu,
            F.silu,
            F.relu,
            torch.tanh,
            lambda a: F.layer_norm(a, [4], x[0].detach()),
            lambda a: a * a,
        ):
            torch.testing.assert_close(step(x).detach(), step(x.detach()), rtol=1e-12, atol=1e-12)
        (gradient,) = torch.autograd.grad((x * x).sum(), x)
    assert_close(gradient, x.detach(), 1e-12)  # half of 2 x


def assert_all_is_handed_on(step: Callable[[Tensor], Tensor]) -> None:
    """Outputs are those of the step itself, and what they received arrives at its input, all of it."""
    x = random_inputs(2, (6, 4, 4), dtype=torch.float64).requires_grad_()
    with AttentionRules(0.3, 0.3, attention_is_constant=False):
        outputs = step(x)
    assert_close(outputs.detach(), step(x.detach()), 1e-12)
    received = random_inputs(1, outputs.shape, seed=5, dtype=torch.float64)[0]
    (gradient,) = torch.autograd.grad((outputs * received).sum(), x)
    assert_close((x.detach() * gradient).sum(), (outputs.detach() * received).sum(), 1e-9)


def in_place(x: Tensor) -> Tensor:
    product = x * 1.0
    product *= x
    return product


SPELLINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "*": lambda x: x * x,
    "*=": in_place,
    "*= by itself": lambda x: (x * 1.0).mul_(x),
    "multiply": lambda x: torch.multiply(x, other=x),
    "square": lambda x: x.square(),
    "**": lambda x: x**3,
    "addcmul": lambda x: torch.addcmul(torch.zeros_like(x), x, x, value=3),
    "matmul": lambda x: x @ x.mT,
    "mm": lambda x: torch.mm(x[0, 0], x[0, 1]),
    "einsum": lambda x: torch.einsum("ncij,nckj->ncik", x, x),
    "einsum of three": lambda x: torch.einsum(x, [0, 1, 2, 3], x, [0, 1, 2, 4], x, [0, 1, 4, 3]),
    "ReLU6 in place": lambda x: nn.ReLU6(inplace=True)(x * 9),
    "Hardswish in place": lambda x: nn.Hardswish(inplace=True)(x * 9),
    "linear by names": lambda x: F.linear(weight=torch.eye(4, dtype=x.dtype) + 1, input=x),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_products_and_activations_however_spelled_hand_on_all_that_they_received(name: str) -> None:
    assert_all_is_handed_on(SPELLINGS[name])


def test_each_factor_of_a_product_receives_its_part() -> None:
    left, right = (random_inputs(2, (3, 4), seed=seed, dtype=torch.float64).requires_grad_() for seed in (1, 2))
    with AttentionRules(0.0, 0.0, attention_is_constant=False):
        product = (left * right * right).sum()
    gradients = torch.autograd.grad(product, (left, right))
    whole = (left * right * right).detach()
    assert_close(left.detach() * gradients[0], whole / 4, 1e-12)  # half of what the last product halved
    assert_close(right.detach() * gradients[1], whole * 3 / 4, 1e-12)


def test_whole_numbers_stay_whole() -> None:
    with AttentionRules(0.0, 0.0, attention_is_constant=False):
        assert torch.equal(torch.arange(4) ** 2, torch.tensor([0, 1, 4, 9]))


NORMS: dict[str, Callable[[Tensor], Tensor]] = {
    "layer norm": lambda x: F.layer_norm(x, [4, 4], eps=0.0),
    "layer norm of a module": nn.LayerNorm(4, eps=0.0, bias=False).double(),
    "group norm": nn.GroupNorm(2, 6, eps=0.0).double(),
    "RMS norm": nn.RMSNorm(4, eps=0.0).double(),
    "length": lambda x: F.normalize(x, dim=-1),
    "RMS norm by hand": lambda x: x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True)),
    "layer norm by hand": lambda x: (x - x.mean(-1, keepdim=True)) / x.var(-1, keepdim=True).sqrt(),
    "layer norm of the first name": lambda x: torch.layer_norm(x, [4], eps=0.0),
    "instance norm": nn.InstanceNorm2d(6, eps=0.0).double(),
    "one over the deviation": lambda x: (x - x.mean(-1, keepdim=True)) * (1 / x.std(-1, keepdim=True)),
    "a power": lambda x: x * x.pow(2).mean(-1, keepdim=True).pow(-0.5),
    "written into": lambda x: (x * 1.0).div_(x.norm(dim=-1, keepdim=True)),
    "true_divide": lambda x: torch.true_divide(x, other=x.norm(dim=-1, keepdim=True)),
}


@pytest.mark.parametrize("name", NORMS)
def test_a_norm_hands_on_all_that_it_received(name: str) -> None:
    assert_all_is_handed_on(NORMS[name])
