"""FullGrad: the parts of the score, and the map made of them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explainers.api import explain
from explainers.core.model import Model
from explainers.core.target import ChannelTarget, ClassTarget, ContrastTarget
from explainers.engine.run import Run
from explainers.saliency.fullgrad import bias_of, full_gradients
from tests.support.models.networks import assert_close, fixed_engine, random_inputs, small_model
from tests.support.models.peers import SHAPE, network
from tests.support.models.peers import inputs as pictures


@pytest.mark.parametrize(
    "target",
    [ClassTarget((0, 3, 1)), ContrastTarget(1, 2), ChannelTarget("norm2", 3), ChannelTarget("norm2", 3, (1, 2))],
)
def test_the_parts_add_up_to_the_score(target):
    model, inputs = small_model(torch.float64), random_inputs(3, dtype=torch.float64)
    run = Run(model, fixed_engine(2))
    parts = full_gradients(run, inputs, target)
    assert_close(parts.sum(1), run.scores(inputs, target), 1e-12)
    assert parts[:, 1:].abs().sum(1).min() > 0.01, "the biases take part"


@pytest.mark.parametrize("name", ["resnet18", "densenet121"])
def test_the_parts_of_torchvisions_relu_networks_add_up(name):
    """In-place and repeated ReLUs, max pooling, dense blocks; a MobileNet's hard swish would leave a gap."""
    run = Run(Model(name, network(name), SHAPE), fixed_engine(2))
    inputs, target = pictures()[:1], ClassTarget(3)
    assert_close(full_gradients(run, inputs, target).sum(1), run.scores(inputs, target), 1e-9)


def test_a_batch_norm_adds_also_where_it_has_no_bias():
    generator = torch.Generator().manual_seed(0)
    for affine in (True, False):
        norm = nn.BatchNorm2d(4, affine=affine).double().eval()
        for tensor in (norm.running_mean, *norm.parameters()):
            tensor.data.normal_(generator=generator)
        norm.running_var.uniform_(0.5, 2, generator=generator)
        with torch.no_grad():
            at_zero = norm(torch.zeros(1, 4, 1, 1).double()).flatten()
        assert_close(bias_of(norm), at_zero, 1e-12)
    assert bias_of(nn.Conv2d(1, 1, 1, bias=False)) is None
    assert bias_of(nn.ReLU()) is None


class TwoLayers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.Conv2d(4, 2, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.second(self.first(inputs).relu()).mean((2, 3))


def test_the_map_by_the_slow_way():
    torch.manual_seed(0)
    network = TwoLayers().double().eval()
    inputs = random_inputs(2, (3, 8, 8), dtype=torch.float64).requires_grad_()
    first = network.first(inputs)
    second = network.second(first.relu())
    gradients = torch.autograd.grad(second.mean((2, 3))[:, 1].sum(), [inputs, first, second])
    parts = [inputs.detach() * gradients[0]]
    parts += [
        bias.view(-1, 1, 1) * gradient
        for bias, gradient in zip((network.first.bias, network.second.bias), gradients[1:], strict=True)
    ]
    expected = torch.zeros(2, 8, 8).double()
    for row in range(2):
        for part in parts:
            size = part[row].abs()
            scaled = (size - size.min()) / (size.max() - size.min())
            expected[row] += F.interpolate(scaled[None], (8, 8), mode="bilinear", align_corners=False)[0].sum(0)
    model = Model("two-layers", network, (3, 8, 8))
    result = explain(model, inputs.detach(), "fullgrad", 1)
    assert_close(result.values, expected, 1e-6)
    assert not result.signed
