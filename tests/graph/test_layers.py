"""Layers: how they are found, which of them have a map, and which is chosen where none is named."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torchvision.models import convnext, densenet, vgg

from explainers.api import explain, layers
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.engine.engine import engine_for
from explainers.engine.run import Run
from explainers.graph.layers import default_layer, find_layers, stages
from explainers.graph.layout import Layout
from tests.support.models.networks import assert_close, random_inputs, small_cnn, small_model
from tests.support.models.transformers import HEADS, WIDTH, SelfAttention, TinyViT, small_swin, small_vit


def test_layers_are_found_in_the_order_in_which_they_finish():
    network = small_cnn().requires_grad_(False)
    network_layers = find_layers(network, random_inputs(2))
    by_name = {layer.name: layer for layer in network_layers}
    assert list(by_name) == ["conv1", "norm1", "conv2", "norm2", "relu", "conv3", "dropout", "head"]
    assert by_name["relu"].calls == 2
    assert by_name["conv2"].shape == (8, 8, 8)
    assert by_name["conv2"].layout == Layout("nchw", 8, 8)
    assert by_name["head"].layout is None
    assert [layer.name for layer in network_layers if layer.explains] == ["conv1", "norm1", "conv2", "norm2", "conv3"]


def test_a_layer_that_runs_twice_is_refused_with_neighbours():
    with pytest.raises(VitrineError) as refusal:
        explain(small_model(), random_inputs(1), "grad-cam", 0, layer="relu")
    assert str(refusal.value).startswith(
        "Layer 'relu' runs 2 times in one pass, so it has no single map; choose another"
    )
    assert "\n" not in str(refusal.value)


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


class MapAndGate(NamedTuple):
    feat: Tensor
    gate: Tensor


class Gated(nn.Module):
    """A block that returns a named tuple, and a head that reads it by name."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Conv2d(3, 6, 3, padding=1)

    def forward(self, inputs: Tensor) -> MapAndGate:
        maps = self.inner(inputs)
        return MapAndGate(maps, maps.mean((2, 3)).sigmoid())


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
    attribution = explain(model, random_inputs(2), method, 1)
    assert attribution.layer == "block"
    assert_close(attribution.values, explain(model, random_inputs(2), method, 1, layer="block.inner").values, 1e-6)


def default_of(network: nn.Module, size: tuple[int, int]) -> tuple[str, Layout]:
    """Name and layout of the default layer, once its maps have been seen to be alive."""
    model = Model(type(network).__name__, network.eval(), (3, *size))
    layer = default_layer(layers(model))
    assert layer.layout is not None
    result = explain(model, random_inputs(1, (3, *size)), "hires-cam")
    assert result.layer == layer.name
    assert result.values.shape == (1, layer.layout.height, layer.layout.width)
    assert result.values.any() or explain(model, random_inputs(1, (3, *size)), "eigen-cam").values.any()
    return layer.name, layer.layout


def small_convnext() -> nn.Module:
    torch.manual_seed(0)
    blocks = [convnext.CNBlockConfig(8, 16, 1), convnext.CNBlockConfig(16, None, 1)]
    return convnext.ConvNeXt(blocks, layer_scale=1.0, num_classes=10)


def small_vgg() -> nn.Module:
    torch.manual_seed(0)
    network = vgg.VGG(vgg.make_layers([8, "M", 16, "M", 16, "M"]), num_classes=10, init_weights=False)
    network.classifier = nn.Linear(16 * 7 * 7, 10)
    return network


def small_densenet() -> nn.Module:
    torch.manual_seed(0)
    return densenet.DenseNet(8, (2, 2), 16, num_classes=10)


@pytest.mark.parametrize(
    ("make", "size", "name", "layout"),
    [
        (small_vgg, (64, 64), "features", Layout("nchw", 8, 8)),
        (small_densenet, (64, 64), "features", Layout("nchw", 8, 8)),
        (small_convnext, (64, 64), "features", Layout("nchw", 8, 8)),
        # The class token alone is read after the last block, so that the last map that matters is what enters it.
        (small_vit, (64, 64), "encoder.layers.encoder_layer_1.ln_1", Layout("tokens", 4, 4, prefix=1)),
        (small_swin, (64, 64), "norm", Layout("nhwc", 8, 8)),
        (small_vgg, (64, 96), "features", Layout("nchw", 8, 12)),
    ],
    ids=["VGG", "DenseNet", "ConvNeXt", "ViT", "Swin", "not square"],
)
def test_default_layer_of_small_ones(make, size, name, layout):
    assert default_of(make(), size) == (name, layout)


FAMILIES = {
    "resnet18": ("layer4", 2),
    "mobilenet_v2": ("features", 2),
    "mobilenet_v3_small": ("features", 2),
    "efficientnet_b0": ("features", 2),
    "shufflenet_v2_x0_5": ("conv5", 2),
    "mnasnet0_5": ("layers", 2),
    "alexnet": ("features.11", 3),  # after it comes pooling only, which makes it 1 x 1
    "squeezenet1_1": ("classifier.2", 3),
    "densenet121": ("features", 2),
    "googlenet": ("inception5b", 2),
    "regnet_y_400mf": ("trunk_output", 2),
    "convnext_tiny": ("features", 2),
    "swin_t": ("norm", 2),
    "swin_v2_t": ("norm", 2),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_default_layer_of_torchvision_families(family):
    torch.manual_seed(0)
    extra = {"aux_logits": False, "init_weights": False} if family == "googlenet" else {}
    network = torchvision.models.get_model(family, weights=None, num_classes=10, **extra)
    name, side = FAMILIES[family]
    layer = default_layer(layers(Model(family, network.eval(), (3, 64, 64))))
    assert (layer.name, layer.layout.height, layer.layout.width) == (name, side, side)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "name", "size", "side"),
    [
        ("inception_v3", "Mixed_7c", 299, 8),
        ("maxvit_t", "blocks.3", 224, 7),
    ],
)
def test_default_layer_of_families_that_need_their_own_size(family, name, size, side):
    torch.manual_seed(0)
    extra = {"aux_logits": False, "init_weights": False} if family == "inception_v3" else {}
    network = torchvision.models.get_model(family, weights=None, num_classes=10, **extra)
    layer = default_layer(layers(Model(family, network.eval(), (3, size, size))))
    assert (layer.name, layer.layout.height, layer.layout.width) == (name, side, side)


@pytest.mark.parametrize("count", [2, 4, 9])
def test_stages_of_a_residual_network_shrink_down_to_the_default_layer(count):
    torch.manual_seed(0)
    network = torchvision.models.resnet18(num_classes=10).eval()
    all_layers = layers(Model("resnet18", network, (3, 64, 64)))
    names = stages(all_layers, count)
    sides = [layer.layout.height for name in names for layer in all_layers if layer.name == name]
    assert names[-1] == "layer4"
    assert len(sides) == min(count, 5)  # 32, 16, 8, 4 and 2 pixels wide
    assert sides == sorted(set(sides), reverse=True)


def test_stages_of_a_transformer_are_of_the_kind_of_its_default_layer():
    """All its maps have one size; the last block's own map is no evidence, what enters it is."""
    names = stages(layers(Model("vit", small_vit().eval(), (3, 64, 64))))
    assert names == [
        "encoder.layers.encoder_layer_0.ln_1",
        "encoder.layers.encoder_layer_0.ln_2",
        "encoder.layers.encoder_layer_1.ln_1",
    ]


class OpenAttention(SelfAttention):
    """Attention step by step, its weights the output of a module: (N, heads, T, T), or (N, T, T, heads) once they are mixed."""

    def __init__(self) -> None:
        super().__init__()
        self.softmax = nn.Softmax(dim=-1)
        self.mix = nn.Linear(HEADS, HEADS)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        weights = self.softmax(q @ k.transpose(2, 3) / (WIDTH // HEADS) ** 0.5)
        weights = self.mix(weights.movedim(1, 3)).movedim(3, 1)
        return self.proj((weights @ v).transpose(1, 2).flatten(2))


def test_attention_over_pairs_of_tokens_is_no_map_but_a_stem_as_wide_as_the_tokens_is():
    """A class token and 3 x 3 patches: attention is 10 x 10, and so is what the stem puts out, of 12 x 12 pixels."""
    torch.manual_seed(0)
    network = TinyViT((12, 12), kind=OpenAttention)
    network.embed = nn.Sequential(nn.Conv2d(3, 6, 3), nn.Conv2d(6, WIDTH, 4, stride=3))
    model = Model("open", network.eval(), (3, 12, 12))
    maps = {layer.name: layer.layout for layer in layers(model)}
    assert [name for name, layout in maps.items() if layout != Layout("tokens", 3, 3, prefix=1)] == [
        "embed.0",
        "embed.1",
        "embed",
    ]
    assert default_layer(layers(model)).name == "blocks.2.attn.qkv"
    assert set(stages(layers(model))) <= set(maps)
    for name in ("softmax", "mix"):
        with pytest.raises(VitrineError, match=rf"attn.{name}' puts out .*10.*, which is no map over the image"):
            explain(model, random_inputs(1, (3, 12, 12)), "grad-cam", layer=f"blocks.1.attn.{name}")


def test_a_network_of_vectors_is_not_offered_cams():
    model = Model("vectors", nn.Linear(4, 2), (4,))
    with pytest.raises(VitrineError, match=r"needs images, which vectors does not have; it can do: .*gradient"):
        explain(model, torch.zeros(1, 4), "grad-cam")


def test_a_network_without_any_map_says_so():
    model = Model("flat", nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 2)), (3, 8, 8))
    with pytest.raises(VitrineError, match="no layer with a map over the image"):
        explain(model, random_inputs(1, (3, 8, 8)), "grad-cam")
