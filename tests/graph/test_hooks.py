"""What modules put out, seen and replaced."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from explainers.core.errors import VitrineError
from explainers.graph.hooks import channels_second, forward_hooks, output_of, tensor_of, with_tensor
from tests.support.models.networks import random_inputs, small_cnn


class MapAndGate(NamedTuple):
    feat: Tensor
    gate: Tensor


class Answer(NamedTuple):
    loss: Tensor
    logits: Tensor


class Holder:
    """An output with `logits`, as transformers' are."""

    def __init__(self, logits: Tensor) -> None:
        self.logits = logits


def test_tensors_inside_what_modules_return():
    x, y = torch.zeros(1), torch.ones(1)
    named, inside = MapAndGate(x, y), (MapAndGate(x, y), y)
    holders = (Holder(x), Holder((x, y)), Answer(y, x), {"logits": x}, {"aux": y, "out": x})
    for output in (x, (x, None), [x, y], ((x, y), y), named, inside, *holders):
        assert tensor_of(output) is x
        replaced = with_tensor(output, y)
        assert tensor_of(replaced) is y
        assert tensor_of(output) is x, "what the module returned was changed"
        assert type(replaced) is type(output)
    for output in (None, "text", (), [], {"boxes": x}):
        assert tensor_of(output) is None
    assert with_tensor({"aux": x, "out": x}, y)["aux"] is x
    assert with_tensor(named, x).gate is y
    assert type(with_tensor(inside, y)[0]) is MapAndGate


def test_watching_removes_its_hooks_after_an_error_too():
    network = small_cnn()
    with pytest.raises(AttributeError), forward_hooks(network, ["conv1", "missing"], lambda *_: None):
        pass

    def use() -> None:
        assert len(network.conv1._forward_hooks) == 1
        raise KeyError

    with pytest.raises(KeyError), forward_hooks(network, ["conv1"], lambda *_: None):
        use()
    assert not any(module._forward_hooks for module in network.modules())


def test_what_a_layer_puts_out_is_had_without_running_those_above(tripwire):
    network, inputs = small_cnn(), random_inputs(2)
    with torch.no_grad():
        assert torch.equal(output_of(network, "conv1", inputs), network.conv1(inputs))
    assert tripwire.seen == []
    assert not any(module._forward_hooks for module in network.modules())


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("conf1", "has no layer 'conf1'; did you mean one of: conv1"),
        ("unused", "'unused' does not run in a forward pass"),
    ],
)
def test_a_layer_that_is_not_met_is_named(name, words):
    network = small_cnn()
    network.unused = nn.Identity()
    with pytest.raises(VitrineError, match=words):
        output_of(network, name, random_inputs(1))


def test_maps_with_channels_last_come_with_channels_second():
    inputs, maps = torch.zeros(2, 3, 8, 8), torch.rand(2, 5, 4, 4)
    assert torch.equal(channels_second(maps.permute(0, 2, 3, 1), inputs), maps)
    assert channels_second(maps, inputs) is maps
    assert channels_second(maps.flatten(1), inputs).shape == (2, 80)
