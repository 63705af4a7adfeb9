"""Copies in which every activation is a module of its own compute the same, and the original stays as it is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
import torchvision
from captum.attr import GuidedBackprop
from torch import Tensor, nn

from explainers.api import explain
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.graph.conv_fusion import merged_for_scores
from explainers.graph.rewrite import copy_network, with_activation_modules
from tests.support.models.networks import assert_close, lively, random_inputs, small_cnn

SHAPE = (3, 64, 64)
ACTIVATIONS = (nn.ReLU, nn.Sigmoid, nn.Tanh)


def calls_per_module(network: nn.Module, inputs: Tensor) -> list[int]:
    """How often one pass calls each activation module."""
    counts: dict[nn.Module, int] = {}
    handles = [
        module.register_forward_hook(lambda m, *_: counts.__setitem__(m, counts.get(m, 0) + 1))
        for module in network.modules()
        if isinstance(module, ACTIVATIONS)
    ]
    with torch.no_grad():
        network(inputs.clone())
    for handle in handles:
        handle.remove()
    return list(counts.values())


@pytest.mark.parametrize(
    ("name", "activations"), [("resnet18", 17), ("densenet121", 121), ("mobilenet_v3_small", 14), ("googlenet", 57)]
)
def test_torchvisions_networks(name, activations):
    torch.manual_seed(0)
    extra = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    network = lively(torchvision.models.get_model(name, weights=None, num_classes=10, **extra), SHAPE)
    inputs, state = random_inputs(2, SHAPE), deepcopy(network.state_dict())
    with torch.no_grad():
        expected = network(inputs.clone())
    copy = with_activation_modules(network)
    with torch.no_grad():
        assert torch.equal(copy(inputs.clone()), expected)
        assert expected.std() > 1e-3
        assert torch.equal(network(inputs.clone()), expected)
    counts = calls_per_module(copy, inputs)
    assert set(counts) == {1}
    assert len(counts) == activations
    assert not any(getattr(module, "inplace", False) for module in copy.modules())
    assert all(torch.equal(state[key], value) for key, value in network.state_dict().items())
    assert any(getattr(module, "inplace", False) for module in network.modules()) or name == "googlenet"


class Everything(nn.Module):
    """Every way of calling an activation, some of them more than once."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.same = self.relu
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        x = self.same(self.conv(self.relu(self.conv(x) - 0.1)) - 0.1) - 0.1
        x = F.relu(self.conv(x), inplace=True) - 0.1
        x = F.relu(input=self.conv(x)) - 0.1
        x = torch.relu(self.conv(x)) + torch.tanh(x) + x.tanh() + F.tanh(x)
        x = torch.sigmoid(x) + x.sigmoid() + self.sigmoid(x) + F.sigmoid(x)
        x = self.conv(x).relu() - self.conv(x).relu_()
        return torch.relu_(self.conv(x)).mean((2, 3))


def test_every_way_of_calling_an_activation():
    torch.manual_seed(0)
    network = Everything().eval()
    inputs = random_inputs(2, (3, 8, 8))
    copy = with_activation_modules(network)
    with torch.no_grad():
        assert torch.equal(copy(inputs.clone()), network(inputs.clone()))
    counts = calls_per_module(copy, inputs)
    assert set(counts) == {1}
    assert len(counts) == 2 + 1 + 1 + 4 + 4 + 2 + 1


class Discards(nn.Module):
    """Writes in place and goes on with what was written into, by another name."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        y = self.relu(x) * 2  # x is relu'd too
        z = self.conv(x + y)
        F.relu(z, inplace=True)
        w = self.conv(z)
        w.relu_()
        torch.relu_(w.add_(z).mul_(-1).add_(1))
        return (w + x).mean((2, 3))


def test_what_is_written_in_place_is_seen_under_its_other_name():
    """An in-place ReLU whose result is thrown away still counts: a pre-activation residual network lives by it."""
    torch.manual_seed(0)
    network = Discards().eval()
    inputs = random_inputs(2, (3, 8, 8))
    copy = with_activation_modules(network)
    with torch.no_grad():
        assert_close(copy(inputs.clone()), network(inputs.clone()), 1e-6)
    assert len(calls_per_module(copy, inputs)) == 4
    model = Model("discards", network.double(), (3, 8, 8))
    completeness = explain(model, inputs, "deeplift", 1).completeness
    assert completeness.relative.max() < 1e-5


class Written(nn.Module):
    """A layer that writes into what it returns, and a network that writes into it once more."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Sequential(nn.Conv2d(3, 6, 3), Writes())
        self.head = nn.Conv2d(6, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer(x)
        x += 1
        return self.head(x).mean((2, 3))


class Writes(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        y = x.relu() * 2
        y.mul_(3)
        y.add_(1)
        return y


def test_a_layer_puts_out_what_it_has_written_when_it_returns():
    torch.manual_seed(0)
    network, inputs = Written().double().eval(), random_inputs(2, (3, 8, 8), dtype=torch.float64)
    model = Model("written", network, (3, 8, 8))
    with torch.no_grad():
        change = network.layer(inputs) - network.layer(torch.zeros_like(inputs))
        assert_close(with_activation_modules(network, end="layer")(inputs), network.layer(inputs), 1e-12)
    share = network.head.weight[1].detach().view(1, 6, 1, 1) / 6**2
    assert_close(explain(model, inputs, "layer-deeplift", 1, layer="layer").values, share * change, 1e-6)


class Alias(nn.Module):
    """`x += 1` also changes y here, which torch.fx does not record."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        y = x
        x += 1
        return (x + y).mean((2, 3))


@pytest.mark.parametrize("method", ["deeplift", "guided-backprop"])
def test_a_copy_that_computes_something_else_is_not_used(method):
    torch.manual_seed(0)
    model = Model("alias", Alias(), (3, 8, 8))
    with pytest.raises(VitrineError, match="puts out other scores than the network itself"):
        explain(model, random_inputs(2, (3, 8, 8)), method, 0)


@pytest.mark.filterwarnings("ignore:Input Tensor 0 did not already require gradients")
def test_guided_backprop_on_a_reused_relu_equals_a_network_without():
    """The known trap: hooks on one module that runs twice."""
    network = small_cnn().double()

    class Apart(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = deepcopy(network)
            self.relus = nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.ReLU()])

        def forward(self, x: Tensor) -> Tensor:
            n = self.inner
            x = self.relus[0](n.norm1(n.conv1(x)))
            x = self.relus[1](n.norm2(n.conv2(x)))
            x = self.relus[2](x + n.conv3(x))
            return n.head(x.mean((2, 3)))

    inputs = random_inputs(2, dtype=torch.float64)
    expected = GuidedBackprop(Apart().eval()).attribute(inputs, 3)
    assert_close(explain(Model("small", network, (3, 16, 16)), inputs, "guided-backprop", 3).values, expected, 1e-6)


class Untraceable(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.conv(x))
        if x.sum() > 0:
            x = x * 2
        return x.mean((2, 3))


@pytest.mark.parametrize("method", ["deeplift", "guided-backprop"])
def test_a_forward_that_cannot_be_traced_is_refused_in_a_sentence(method):
    model = Model("untraceable", Untraceable(), (3, 8, 8))
    inputs = random_inputs(1, (3, 8, 8))
    with torch.no_grad():
        before = model.network(inputs)
    with pytest.raises(VitrineError, match="forward of Untraceable cannot be traced") as refusal:
        explain(model, inputs, method, 0)
    assert "\n" not in str(refusal.value)
    assert "integrated-gradients" in str(refusal.value)
    assert model.network.relu.inplace
    with torch.no_grad():
        assert torch.equal(model.network(inputs), before)
    assert explain(model, inputs, "integrated-gradients", 0).values.any()


class Asks(nn.Module):
    """A forward that asks whether it trains, in both of the usual ways."""

    def __init__(self) -> None:
        super().__init__()
        self.body = small_cnn()

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        y = self.body(F.dropout(x, 0.5, self.training))
        return (y, x) if self.training else y


def test_the_copy_is_frozen_and_evaluating():
    network, inputs = Asks().train(), random_inputs(2)
    copy = with_activation_modules(network)
    assert not any(module.training for module in copy.modules())
    assert not any(parameter.requires_grad for parameter in copy.parameters())
    assert all(module.training for module in network.modules())
    assert all(parameter.requires_grad for parameter in network.parameters())
    with torch.no_grad():
        assert torch.equal(copy(inputs), deepcopy(network).eval()(inputs))
    model, evaluating = (Model("asks", copied, (3, 16, 16)) for copied in (network, deepcopy(network).eval()))
    for method in ("deeplift", "guided-backprop"):
        assert_close(explain(model, inputs, method, 1).values, explain(evaluating, inputs, method, 1).values, 1e-6)


NORMED = {
    "plain": lambda layer: layer,
    "weight_norm": nn.utils.weight_norm,
    "spectral_norm": nn.utils.spectral_norm,
    "parametrized weight_norm": nn.utils.parametrizations.weight_norm,
    "parametrized spectral_norm": nn.utils.parametrizations.spectral_norm,
}


class Normed(nn.Module):
    def __init__(self, normed: Callable[[nn.Module], nn.Module]) -> None:
        super().__init__()
        self.conv, self.norm, self.relu = normed(nn.Conv2d(3, 6, 3)), nn.BatchNorm2d(6), nn.ReLU()
        self.head = normed(nn.Linear(6, 4))

    def forward(self, inputs: Tensor) -> Tensor:
        return self.head(self.relu(self.norm(self.conv(inputs))).mean((2, 3)))


def trained(normed: str) -> nn.Module:
    """Once forward and backward in training mode: that leaves weights with a graph on modules of the older norms."""
    torch.manual_seed(0)
    network = Normed(NORMED[normed])
    network(random_inputs(4)).sum().backward()
    return network.eval()


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
@pytest.mark.parametrize("normed", NORMED)
@pytest.mark.parametrize("copy", [copy_network, merged_for_scores, with_activation_modules])
def test_weights_made_anew_in_every_pass_are_copied_after_a_training_pass(normed, copy):
    network = trained(normed)
    copied = copy(network)
    assert copied is not network
    with torch.no_grad():
        assert_close(copied(random_inputs(2)), network(random_inputs(2)), 1e-5)


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
@pytest.mark.parametrize("normed", NORMED)
@pytest.mark.parametrize("method", ["rise", "deeplift", "lrp-epsilon"])
def test_weights_made_anew_in_every_pass_explain_after_a_training_pass(normed, method):
    network, options = trained(normed), {"samples": 100} if method == "rise" else {}
    result = explain(Model(normed, network, (3, 16, 16)), random_inputs(1), method, 1, **options)
    if method == "lrp-epsilon":  # relevance passes a norm that is merged into nothing unchanged
        assert torch.isfinite(result.values).all()
        return
    plain = Normed(NORMED["plain"])
    with torch.no_grad():
        for name in ("conv", "head"):
            ours, theirs = plain.get_submodule(name), network.get_submodule(name)
            ours.weight.copy_(theirs.weight)
            ours.bias.copy_(theirs.bias)
    plain.norm = network.norm
    expected = explain(Model("plain", plain.eval(), (3, 16, 16)), random_inputs(1), method, 1, **options)
    assert_close(result.values, expected.values, 1e-5)


class NormedTokens(nn.Module):
    """BatchNorm over 16 tokens, after a layer of 12 features."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.linear, self.norm = nn.Conv2d(3, 8, 4, 4), nn.Linear(8, 12), nn.BatchNorm1d(16)
        self.head = nn.Linear(12, 4)

    def forward(self, inputs: Tensor) -> Tensor:
        tokens = self.patches(inputs).flatten(2).transpose(1, 2)
        return self.head(self.norm(self.linear(tokens)).relu().mean(1))


def test_a_norm_over_tokens_is_not_merged_into_features():
    torch.manual_seed(0)
    network = NormedTokens()
    network(random_inputs(4))  # the running statistics are moved
    network.eval()
    merged = merged_for_scores(network)
    assert merged is not network
    with torch.no_grad():
        assert_close(merged(random_inputs(2)), network(random_inputs(2)), 1e-5)
    assert explain(Model("tokens", network, (3, 16, 16)), random_inputs(1), "lrp-epsilon", 1).values.any()


def test_a_network_that_cannot_be_copied_runs_as_it_stands_or_is_refused_in_a_sentence():
    options = {"samples": 100}
    expected = explain(Model("plain", trained("plain"), (3, 16, 16)), random_inputs(1), "rise", 1, **options)
    network = trained("plain")
    network.lock = threading.Lock()
    model = Model("locked", network, (3, 16, 16))
    for precision in ("mixed", "float32"):
        attribution = explain(model, random_inputs(1), "rise", 1, precision=precision, **options)
        assert_close(attribution.values, expected.values, 1e-5)
        assert attribution.cost.half == 0
    for method in ("deeplift", "lrp-epsilon"):
        with pytest.raises(
            VitrineError, match=r"Normed cannot be copied \(cannot pickle .*lock.*\), which this needs"
        ) as refusal:
            explain(model, random_inputs(1), method, 1)
        assert "\n" not in str(refusal.value)
