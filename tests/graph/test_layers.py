"""Layers: which outputs are maps over the image, and how to read them."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from explainers.api import explain
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.engine.engine import engine_for
from explainers.engine.run import Run
from explainers.graph.hooks import forward_hooks, tensor_of, with_tensor
from explainers.graph.layers import find_layers
from explainers.graph.layout import Layout, find_layout
from tests.support.networks import assert_close, random_inputs, small_cnn, small_model


@pytest.mark.parametrize(
    ("shape", "image", "layout"),
    [
        ((2, 512, 7, 7), (224, 224), Layout("nchw", 7, 7)),
        ((2, 64, 112, 112), (224, 224), Layout("nchw", 112, 112)),
        ((2, 3, 224, 224), (224, 224), Layout("nchw", 224, 224)),
        ((2, 7, 7, 768), (224, 224), Layout("nhwc", 7, 7)),
        ((2, 56, 56, 96), (224, 224), Layout("nhwc", 56, 56)),
        ((2, 8, 8, 9), (64, 64), Layout("nhwc", 8, 8)),
        ((2, 16, 10, 20), (320, 640), Layout("nchw", 10, 20)),
        ((2, 16, 20, 10), (320, 640), None),
        ((2, 10, 20, 16), (320, 640), Layout("nhwc", 10, 20)),
        ((2, 8, 33, 33), (65, 65), Layout("nchw", 33, 33)),
        ((2, 8, 9, 17), (65, 129), Layout("nchw", 9, 17)),
        ((2, 196, 768), (224, 224), Layout("tokens", 14, 14)),
        ((2, 197, 768), (224, 224), Layout("tokens", 14, 14, prefix=1)),
        ((2, 198, 768), (224, 224), Layout("tokens", 14, 14, prefix=2)),  # class and distillation token
        ((2, 201, 384), (224, 224), Layout("tokens", 14, 14, prefix=5)),  # class token and four registers
        ((2, 261, 384), (224, 224), Layout("tokens", 16, 16, prefix=5)),  # the same with patches of 14
        ((2, 17, 32), (64, 64), Layout("tokens", 4, 4, prefix=1)),
        ((2, 21, 32), (64, 64), Layout("tokens", 4, 4, prefix=5)),
        ((2, 30, 32), (80, 80), Layout("tokens", 5, 5, prefix=5)),
        ((2, 201, 64), (160, 320), Layout("tokens", 10, 20, prefix=1)),
        ((2, 200, 64), (160, 320), Layout("tokens", 10, 20)),
        ((2, 45, 64), (65, 129), Layout("tokens", 5, 9)),  # patches of 16, padded
        ((2, 33, 64), (65, 129), Layout("tokens", 4, 8, prefix=1)),  # patches of 16, cut off
        # not maps
        ((2, 512, 196), (224, 224), None),  # channels first: 506 of the 512 would make 22 x 23
        ((2, 34, 64), (64, 64), None),
        ((2, 1000), (224, 224), None),
        ((2, 512, 1, 1), (224, 224), None),
        ((128, 49, 96), (224, 224), None),  # windows of a shifted-window transformer: a row is no input
        ((2, 512, 3, 40), (224, 224), None),
        ((2, 2, 768), (224, 224), None),
        ((2, 8, 300, 300), (224, 224), None),
        ((2, 16, 4, 8, 8), (64, 64), None),
        ((2,), (64, 64), None),
    ],
)
def test_reading_a_shape_as_a_map(shape, image, layout):
    assert find_layout(shape, 2, image) == layout


def test_spatial_moves_every_layout_to_channels_first():
    maps = torch.arange(2 * 3 * 2 * 4).view(2, 3, 2, 4)
    tokens = torch.cat([torch.full((2, 5, 3), -1), maps.flatten(2).transpose(1, 2)], 1)
    assert torch.equal(Layout("nchw", 2, 4).spatial(maps), maps)
    assert torch.equal(Layout("nhwc", 2, 4).spatial(maps.permute(0, 2, 3, 1)), maps)
    assert torch.equal(Layout("tokens", 2, 4, prefix=5).spatial(tokens), maps)


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


def test_layers_are_found_in_the_order_in_which_they_finish():
    network = small_cnn().requires_grad_(False)
    found = find_layers(network, random_inputs(2))
    by_name = {layer.name: layer for layer in found}
    assert list(by_name) == ["conv1", "norm1", "conv2", "norm2", "relu", "conv3", "dropout", "head"]
    assert by_name["relu"].calls == 2
    assert by_name["conv2"].shape == (8, 8, 8)
    assert by_name["conv2"].layout == Layout("nchw", 8, 8)
    assert by_name["head"].layout is None
    assert [layer.name for layer in found if layer.explains] == ["conv1", "norm1", "conv2", "norm2", "conv3"]


def test_a_layer_that_runs_twice_is_refused_with_neighbours():
    with pytest.raises(VitrineError) as told:
        explain(small_model(), random_inputs(1), "grad-cam", 0, layer="relu")
    assert str(told.value).startswith("Layer 'relu' runs 2 times in one pass, so it has no single map; choose another")
    assert "\n" not in str(told.value)


def test_a_layer_without_a_map_is_refused_with_neighbours():
    with pytest.raises(VitrineError, match=r"Layer 'head' puts out \(5,\), which is no map over the image; choose"):
        explain(small_model(), random_inputs(1), "grad-cam", 0, layer="head")


@pytest.mark.parametrize(("name", "meant"), [("conv33", "conv3"), ("nrom2", "norm2"), ("Conv1", "conv1")])
def test_a_wrong_name_suggests_the_right_one(name, meant):
    with pytest.raises(VitrineError, match=f"small-cnn has no layer '{name}'; did you mean one of: .*{meant}"):
        explain(small_model(), random_inputs(1), "grad-cam", 0, layer=name)


def test_an_empty_list_of_layers_is_refused():
    with pytest.raises(VitrineError, match="list of layers is empty"):
        explain(small_model(), random_inputs(1), "grad-cam", 0, layer=[])


class ClassToken(nn.Module):
    """A transformer's end: it answers from its first token, which the block before it did not mix with the others."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, stride=4)
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        self.mix = nn.Parameter(torch.randn(17, 17))
        self.last = nn.Linear(8, 8)
        self.head = nn.Linear(8, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        tokens = self.patches(inputs).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(inputs), 1, 8), tokens], 1)
        tokens = self.mix @ tokens
        return self.head(self.last(tokens)[:, 0])


def test_tokens_that_the_answer_does_not_look_at_do_not_explain():
    torch.manual_seed(0)
    model = Model("class token", ClassToken(), (3, 16, 16))
    layers = {layer.name: layer for layer in Run(model, engine_for("cpu")).layers()}
    assert layers["last"].layout == Layout("tokens", 4, 4, prefix=1)
    assert not layers["last"].informed
    assert not layers["last"].explains
    assert layers["patches"].explains
    assert explain(model, random_inputs(1), "hires-cam", 0).layer == "patches"


def test_a_head_of_zeros_rules_no_layer_out():
    torch.manual_seed(0)
    network = ClassToken()
    nn.init.zeros_(network.head.weight)
    layers = Run(Model("zeros", network, (3, 16, 16)), engine_for("cpu")).layers()
    assert all(layer.informed for layer in layers if layer.layout is not None)


class Gated(nn.Module):
    """A block that returns a named tuple, and a head that reads it by name."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Conv2d(3, 6, 3, padding=1)

    def forward(self, inputs: Tensor) -> Found:
        found = self.inner(inputs)
        return Found(found, found.mean((2, 3)).sigmoid())


class Reader(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.block, self.head = Gated(), nn.Linear(6, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.head(self.block(inputs).feat.relu().mean((2, 3)))


@pytest.mark.parametrize("method", ["grad-cam", "ablation-cam", "layer-integrated-gradients"])
def test_a_layer_that_puts_out_a_named_tuple_explains_as_what_is_in_it_does(method):
    torch.manual_seed(0)
    model = Model("reader", Reader().eval(), (3, 16, 16))
    found = explain(model, random_inputs(2), method, 1)
    assert found.layer == "block"
    assert_close(found.values, explain(model, random_inputs(2), method, 1, layer="block.inner").values, 1e-6)
