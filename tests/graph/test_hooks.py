"""What modules put out, seen and replaced."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from explainers.graph.hooks import forward_hooks, tensor_of, with_tensor
from tests.support.networks import small_cnn


class Found(NamedTuple):
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
    named, inside = Found(x, y), (Found(x, y), y)
    held = (Holder(x), Holder((x, y)), Answer(y, x), {"logits": x}, {"aux": y, "out": x})
    for output in (x, (x, None), [x, y], ((x, y), y), named, inside, *held):
        assert tensor_of(output) is x
        replaced = with_tensor(output, y)
        assert tensor_of(replaced) is y
        assert tensor_of(output) is x, "what the module returned was changed"
        assert type(replaced) is type(output)
    for output in (None, "text", (), [], {"boxes": x}):
        assert tensor_of(output) is None
    assert with_tensor({"aux": x, "out": x}, y)["aux"] is x
    assert with_tensor(named, x).gate is y
    assert type(with_tensor(inside, y)[0]) is Found


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
