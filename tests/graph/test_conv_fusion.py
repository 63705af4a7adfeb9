"""Convolutions that do the step after them: the same numbers, and nothing overwritten that somebody still reads."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from explainers.graph.conv_fusion import FusedConvolution, can_fuse, merged_for_scores
from tests.support.models.networks import lively, random_inputs

pytestmark = pytest.mark.skipif(not can_fuse(nn.Conv2d(1, 1, 1)), reason="this machine has not the operators of oneDNN")


class Net(nn.Module):
    """Three convolutions, a norm that makes a copy worth its while, and a way to join them."""

    def __init__(self, join: Callable[[Net, Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.second, self.third = nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 1, groups=2)
        self.relu, self.pool = nn.ReLU(inplace=True), nn.MaxPool2d(2)
        self.join = join

    def forward(self, inputs: Tensor) -> Tensor:
        return self.join(self, inputs).mean((2, 3))


def compared(network: nn.Module) -> int:
    """How many convolutions were fused, after a look that the copy answers as the network does, twice, and leaves its input."""
    inputs = random_inputs(2)
    lively(network.eval(), (3, 16, 16))
    before = inputs.clone()
    with torch.no_grad():
        expected = network(inputs.clone())
        merged = merged_for_scores(network)
        for _ in range(2):
            torch.testing.assert_close(merged(inputs), expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
            torch.testing.assert_close(inputs, before, rtol=0, atol=0)
    return sum(isinstance(module, FusedConvolution) for module in merged.modules())


MODULES = [
    nn.ReLU(), nn.ReLU(inplace=True), nn.ReLU6(), nn.Sigmoid(), nn.Tanh(), nn.Hardswish(), nn.Hardsigmoid(), nn.SiLU(),
]  # fmt: skip

FUNCTIONS = {
    "torch.relu": torch.relu, "torch.relu_": torch.relu_, "F.relu": F.relu, "F.relu6": F.relu6, "F.hardswish": F.hardswish,
    "F.silu": F.silu, "torch.sigmoid": torch.sigmoid, "torch.tanh": torch.tanh, ".relu()": lambda x: x.relu(),
    ".sigmoid_()": lambda x: x.sigmoid_(),
}  # fmt: skip


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_module_after_a_convolution(module: nn.Module) -> None:
    network = Net(lambda net, x: net.second(net.relu(net.norm(net.first(4 * x)))))
    network.relu = module
    assert compared(network) == 1


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_after_a_convolution(name: str) -> None:
    assert compared(Net(lambda net, x: net.second(FUNCTIONS[name](net.norm(net.first(4 * x)))))) == 1


@pytest.mark.parametrize("slope", [0.0, 0.2])
def test_an_activation_that_has_no_counterpart_stays(slope: float) -> None:
    assert compared(Net(lambda net, x: net.second(F.leaky_relu(net.norm(net.first(x)), slope)))) == 0


def residual(net: Net, x: Tensor) -> Tensor:
    before = net.relu(net.norm(net.first(x)))
    return F.relu(net.third(torch.relu(net.second(before))) + before)


def residual_in_place(net: Net, x: Tensor) -> Tensor:
    before = net.relu(net.norm(net.first(x)))
    after = net.third(torch.relu(net.second(before)))
    after += before
    return after


def pooled(net: Net, x: Tensor) -> Tensor:
    before = net.pool(net.norm(net.first(x)))
    return torch.add(before, net.third(torch.relu(net.second(before)))).relu()


def read_later(net: Net, x: Tensor) -> Tensor:
    before = net.relu(net.norm(net.first(x)))
    after = net.third(torch.relu(net.second(before))) + before
    return after * before


def added_twice(net: Net, x: Tensor) -> Tensor:
    before = net.relu(net.norm(net.first(x)))
    return (net.second(before) + before) * (net.third(before) + before)


def added_to_the_input(net: Net, x: Tensor) -> Tensor:
    wide = x.repeat(1, 3, 1, 1)[:, :8]
    return net.norm(net.first(x)) + wide + (net.second(torch.relu(wide)) + x.mean())


def through_a_view(net: Net, x: Tensor) -> Tensor:
    before = net.relu(net.norm(net.first(x)))
    view = before.flatten(1)
    return (net.third(torch.relu(net.second(before))) + before) * view.mean()


def waiting_for_what_changes(net: Net, x: Tensor) -> Tensor:
    before = net.relu(net.norm(net.first(x)))
    inside = net.second(before)
    after = net.third(inside)
    inside.add_(1)
    return after + before + inside


JOINS = {
    residual: 3, residual_in_place: 3, pooled: 2, read_later: 2, added_twice: 1, added_to_the_input: 0, through_a_view: 2,
    waiting_for_what_changes: 1,
}  # fmt: skip


@pytest.mark.parametrize("join", JOINS, ids=lambda join: join.__name__)
def test_a_sum_is_made_in_place_only_where_nobody_sees_it(join: Callable[[Net, Tensor], Tensor]) -> None:
    assert compared(Net(join)) == JOINS[join]


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("resnet18", 17),
        ("mobilenet_v3_small", 40),
        ("efficientnet_b0", 60),
        ("densenet121", 50),
        ("shufflenet_v2_x1_0", 30),
    ],
)
def test_networks_of_torchvision(name: str, least: int) -> None:
    network = torchvision.models.get_model(name, weights=None).eval().requires_grad_(False)
    inputs = random_inputs(2, (3, 64, 64))
    with torch.no_grad():
        expected = network(inputs)
        merged = merged_for_scores(network)
        torch.testing.assert_close(merged(inputs), expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))
    assert sum(isinstance(module, FusedConvolution) for module in merged.modules()) >= least


def test_doubles_are_left_to_torch() -> None:
    network = Net(residual).double()
    assert not can_fuse(network)
    assert not any(isinstance(module, FusedConvolution) for module in merged_for_scores(network.eval()).modules())
