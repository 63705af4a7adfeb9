"""The flow of relevance: how much of the score is behind every layer, in numbers and in a sentence."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import explainers as ex
from explainers.api import explain
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.relevance._family import COMPOSITES
from explainers.relevance.conservation import describe_flow, relevance_flow, relevance_notes
from tests.support.models.networks import assert_close, random_inputs
from tests.support.models.single_head import OneHead, scaled_dot_product
from tests.support.models.transformers import MultiHead, SelfAttention, tiny_vit
from tests.support.slow_lrp import conv_net


@pytest.mark.parametrize("method", COMPOSITES)
def test_nothing_is_lost_where_no_bias_can_absorb_it(method: str) -> None:
    # Wide, so that every neuron has something for it and something against it: without, alpha 2 doubles.
    shape = (8, 6, 6)
    model = Model("plain", conv_net(bias=False, channels=8, width=24), shape)
    inputs = random_inputs(1, shape, seed=5, dtype=torch.float64)
    flow = relevance_flow(model, inputs, 0, method)
    assert list(flow["kind"]) == ["Linear", "Linear", "AvgPool2d", "Conv2d", "Conv2d", "Input"]
    assert flow["share"].to_numpy() == pytest.approx(1, abs=1e-4)
    attribution = explain(model, inputs, method, 0)
    assert float(flow["relevance"].iloc[-1]) == pytest.approx(float(attribution.values.double().sum()), rel=1e-5)
    assert "100% of the score" in describe_flow(flow)
    assert "nothing" in describe_flow(flow)


def test_what_biases_absorb_by_hand() -> None:
    """3 = 2 x 1 + 1: a third of the score is the bias', under every rule."""
    layer = nn.Linear(1, 1).double()
    layer.weight.data, layer.bias.data = torch.tensor([[2.0]]).double(), torch.tensor([1.0]).double()
    model = Model("single", nn.Sequential(layer), (1,), task="regression")
    for method in ("lrp-epsilon", "lrp-gamma", "lrp-alpha-beta"):
        options = {"alpha": 1.0} if method == "lrp-alpha-beta" else {}
        flow = relevance_flow(model, torch.ones(1, 1).double(), None, method, **options)
        assert list(flow["layer"]) == ["0", "input"]
        assert flow["relevance"].tolist() == pytest.approx([3.0, 2.0], rel=1e-6)
        assert describe_flow(flow).startswith("67% of the score arrives at the input; the largest loss, 33%")


def mystery_sum(left: Tensor, right: Tensor) -> Tensor:
    """A sum that nobody can see from outside."""
    return left + right


torch.fx.wrap("mystery_sum")


class Residual(nn.Module):
    """Two residual blocks without biases, their sums in the open or hidden."""

    def __init__(self, hidden: bool) -> None:
        super().__init__()
        self.hidden = hidden
        self.stem = nn.Linear(6, 8, bias=False)
        self.first, self.second = nn.Linear(8, 8, bias=False), nn.Linear(8, 8, bias=False)
        self.head = nn.Linear(8, 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).relu()
        for layer in (self.first, self.second):
            x = mystery_sum(x, layer(x).relu()) if self.hidden else x + layer(x).relu()
        return self.head(x)


def residual_model(hidden: bool) -> Model:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Model("residual", Residual(hidden).double(), (6,))


def test_a_doubled_relevance_is_seen() -> None:
    """Through a sum without a rule all relevance goes down both branches: 100%, 200%, 400%."""
    inputs, model = random_inputs(1, (6,), dtype=torch.float64), residual_model(hidden=True)
    flow = relevance_flow(model, inputs, 0, "lrp-epsilon")
    assert list(flow["kind"]) == ["Linear", "mystery_sum", "mystery_sum", "Linear", "Input"]
    assert flow["share"].tolist() == pytest.approx([1, 1, 2, 4, 4], rel=1e-4)
    assert describe_flow(flow).startswith("400% of the score arrives at the input; the largest gain, 200%")
    assert "2 × mystery_sum" in relevance_notes(model)[0]


def test_sums_in_the_open_double_nothing() -> None:
    inputs, model = random_inputs(1, (6,), dtype=torch.float64), residual_model(hidden=False)
    flow = relevance_flow(model, inputs, 0, "lrp-epsilon")
    assert list(flow["kind"]) == ["Linear", "Sum", "Sum", "Linear", "Input"]
    assert flow["share"].tolist() == pytest.approx([1, 1, 1, 1, 1], rel=1e-4)
    assert relevance_notes(model) == []


def test_a_flow_is_of_one_input_and_of_lrp(model: Model) -> None:
    with pytest.raises(VitrineError, match="of one input, not of 2"):
        relevance_flow(model, random_inputs(2))
    with pytest.raises(VitrineError, match=r"lrp-epsilon, .*not for 'gradient'"):
        relevance_flow(model, random_inputs(1), method="gradient")


def test_a_flow_beside_branches_lists_only_what_all_relevance_passes(model: Model) -> None:
    flow = relevance_flow(model, random_inputs(1))
    assert list(flow["layer"]) == ["tripwire", "head", "mean", "sum", "conv2", "conv1", "input"]
    assert flow.equals(relevance_flow(model, random_inputs(1)))


def without_constants(model: Model) -> Model:
    """Nothing that could absorb relevance: no biases, no embeddings of positions."""
    with torch.no_grad():
        for name, parameter in model.network.named_parameters():
            if name.endswith("bias") or name == "places":
                parameter.zero_()
    return model


@pytest.mark.parametrize("kind", [SelfAttention, MultiHead], ids=["scaled dot product", "nn.MultiheadAttention"])
@pytest.mark.parametrize("options", [{"gamma": 0.0, "patch_gamma": 0.0}, {}], ids=["epsilon", "gamma"])
@pytest.mark.parametrize("method", ["attn-lrp", "cp-lrp"])
def test_what_is_lost_in_attention_where_no_bias_can_absorb_it(
    method: str, options: dict[str, float], kind: type[nn.Module]
) -> None:
    model = without_constants(tiny_vit(kind=kind, prefix=0))
    image = random_inputs(1, model.input_shape, dtype=torch.float64)
    attribution = explain(model, image, method, 1, **options)
    assert float(attribution.score.abs()) > 1e-3
    flow = relevance_flow(model, image, 1, method, **options)
    assert list(flow["layer"]) == ["output", "blocks.2", "blocks.1", "blocks.0", "input"]
    assert flow["relevance"].iloc[-1] == pytest.approx(float(attribution.values.sum()), rel=1e-5)
    conserved = 5 if method == "cp-lrp" else 2  # a softmax absorbs part of what the weights of AttnLRP receive
    assert flow["share"].to_list()[:conserved] == pytest.approx([1.0] * conserved, abs=1e-6)
    assert (abs(flow["share"].iloc[-1] - 1) > 0.01) == (method == "attn-lrp")


class AttentionNet(nn.Module):
    """A network that is called after what it holds."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.vit = network

    def forward(self, x: Tensor) -> Tensor:
        return self.vit(x)


class OneAttention(OneHead):
    """All of it in the network's own forward."""


def test_a_network_called_after_its_attention_has_the_same_blocks() -> None:
    plain = tiny_vit()
    named = Model("named", AttentionNet(plain.network), plain.input_shape)
    image = random_inputs(1, plain.input_shape, dtype=torch.float64)
    assert_close(explain(named, image, "legrad", 1).values, explain(plain, image, "legrad", 1).values, 1e-6)
    flows = [relevance_flow(model, image, 1, "attn-lrp") for model in (named, plain)]
    assert list(flows[0]["layer"]) == ["output", "vit.blocks.2", "vit.blocks.1", "vit.blocks.0", "input"]
    assert flows[0]["relevance"].tolist() == pytest.approx(flows[1]["relevance"].tolist())


def test_a_network_that_is_all_attention_has_no_blocks() -> None:
    model = Model("alone", OneAttention(scaled_dot_product, width=6).double(), (6, 2, 3))
    flow = relevance_flow(model, random_inputs(1, (6, 2, 3), dtype=torch.float64), 1, "attn-lrp")
    assert list(flow["layer"]) == ["output", "input"]


def test_notes_on_a_network_with_attention_say_which_methods_have_rules() -> None:
    assert relevance_notes(ex.load_model("demo:signs-vit")) == [
        "This network has attention, for which AttnLRP and CP-LRP have rules; the other methods here have none."
    ]
