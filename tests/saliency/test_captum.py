"""Networks that Captum can be given: what they return, and layers that are looked at on the way."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from explainers.api import explain
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.target import ChannelTarget
from tests.support.models.endings import Ending
from tests.support.models.networks import assert_close, random_inputs, small_cnn
from tests.support.models.transformers import small_vit


class Two(nn.Module):
    """A layer that returns two maps, the second made of the first."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, padding=1)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        y = self.conv(inputs)
        return y, y.sigmoid()


class OfTwo(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.two, self.as_it_came, self.head = Two(), nn.Sequential(), nn.Linear(6, 4)

    def forward(self, inputs: Tensor) -> Tensor:
        y, z = self.two(inputs)
        y = self.as_it_came(y)
        return self.head((2 * y + z).mean((2, 3)))


def test_a_layer_that_returns_several_tensors_is_its_first():
    torch.manual_seed(0)
    network, inputs = OfTwo().double().eval(), random_inputs(2, dtype=torch.float64)
    model = Model("of two", network, (3, 16, 16))
    with torch.no_grad():
        change = network.two(inputs)[0] - network.two(torch.zeros_like(inputs))[0]
        share = 2 * network.head.weight[1].view(1, 6, 1, 1) / 16**2
    assert_close(explain(model, inputs, "layer-deeplift", 1, layer="two").values, share * change, 1e-6)
    channel = ChannelTarget("two", 3, (5, 6))
    gradient = explain(model, inputs, "gradient", channel).values
    assert_close(explain(model, inputs, "deeplift", channel).values, inputs * gradient, 1e-6)
    with pytest.raises(VitrineError, match="'as_it_came' is not met"):
        explain(model, inputs, "layer-deeplift", 1, layer="as_it_came")


def test_attention_that_returns_its_weights_too_is_a_layer():
    """The dropout after it hands its output on as it is."""
    network = small_vit().double().eval()
    model, inputs = Model("vit", network, (3, 64, 64)), random_inputs(2, (3, 64, 64), dtype=torch.float64)
    attention, dropout = (f"encoder.layers.encoder_layer_0.{part}" for part in ("self_attention", "dropout"))
    at_dropout, at_attention = (
        explain(model, inputs, "layer-deeplift", 1, layer=layer).values for layer in (dropout, attention)
    )
    assert_close(at_attention, at_dropout, 1e-6)


METHODS = {
    "guided-backprop": {},
    "deconvolution": {},
    "guided-grad-cam": {"layer": "body.conv2"},
    "deeplift": {},
    "deeplift-shap": {"number": 3},
    "layer-deeplift": {"layer": "body.conv2"},
    "layer-deeplift-shap": {"layer": "body.conv2", "number": 3},
}


@pytest.mark.parametrize(
    "returned", [lambda y: (y, None), lambda y: {"aux": 2 * y, "out": y}], ids=["tuple", "dictionary"]
)
def test_networks_that_return_more_than_a_tensor(returned):
    inputs = random_inputs(2, dtype=torch.float64)
    plain, more = (Model("more", Ending(last), (3, 16, 16)) for last in (lambda y: y, returned))
    for method, options in METHODS.items():
        expected, result = (explain(model, inputs, method, 1, **options) for model in (plain, more))
        assert_close(result.values, expected.values, 1e-6)


class Forgetful(nn.Module):
    """Counts its calls, which a copy that is traced does not."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.offset = small_cnn(), 0.0

    def forward(self, inputs: Tensor) -> Tensor:
        self.offset += 100.0
        return self.body(inputs) + self.offset


def test_a_copy_that_puts_out_other_scores_is_refused_in_a_sentence():
    model = Model("forgetful", Forgetful(), (3, 16, 16))
    with pytest.raises(VitrineError, match="puts out other scores than the network itself"):
        explain(model, random_inputs(1), "guided-backprop", 1)
