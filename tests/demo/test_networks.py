"""How the demo networks are built, and that the shipped files fit them."""

from __future__ import annotations

import json
from collections import Counter

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from explainers.demo.networks import NETWORKS, WEIGHTS, SignsCNN, SignsViT, SimpleClassifier, load_network
from explainers.demo.scenes import CLASSES

IMAGE_NETWORKS = ["signs-cnn", "signs-vit", "signs-shortcut"]


def output_shape(network: nn.Module, layer: str, images: torch.Tensor) -> tuple[int, ...]:
    shapes: list[tuple[int, ...]] = []
    handle = network.get_submodule(layer).register_forward_hook(lambda m, args, out: shapes.append(tuple(out.shape)))
    network(images)
    handle.remove()
    return shapes[0]


def test_the_last_stage_of_the_cnn_sees_12_by_12_places() -> None:
    network, images = SignsCNN().eval(), torch.rand(2, 3, 96, 96)
    assert output_shape(network, "stem", images)[2:] == (48, 48)
    assert output_shape(network, "layer1", images)[2:] == (48, 48)
    assert output_shape(network, "layer2", images)[2:] == (24, 24)
    assert output_shape(network, "layer3", images)[2:] == (12, 12)
    assert output_shape(network, "layer4", images)[2:] == (12, 12)
    assert output_shape(network, "pool", images)[2:] == (1, 1)
    assert output_shape(network, "fc", images) == (2, 12)


def test_a_logit_of_the_cnn_is_the_mean_over_places_of_the_class_map() -> None:
    network, images = SignsCNN().eval(), torch.rand(2, 3, 96, 96)
    with torch.no_grad():
        features = network.layer4(network.layer3(network.layer2(network.layer1(network.stem(images)))))
        class_map = torch.einsum("nchw,kc->nkhw", features, network.fc.weight)
        torch.testing.assert_close(class_map.mean((2, 3)) + network.fc.bias, network(images))


def test_tokens_of_the_transformer() -> None:
    network, images = SignsViT().eval(), torch.rand(2, 3, 96, 96)
    width = network.head.in_features
    assert output_shape(network, "patch_embed", images) == (2, width, 12, 12)
    assert output_shape(network, "blocks.0", images) == (2, 145, width)
    assert output_shape(network, "norm", images) == (2, 145, width)
    assert output_shape(network, "head", images) == (2, 12)


def test_attention_weights_can_be_asked_for_and_add_up_to_one() -> None:
    attention = SignsViT().eval().get_submodule("blocks.0.attn")
    tokens = torch.randn(2, 145, attention.embed_dim)
    _, weights = attention(tokens, tokens, tokens, need_weights=True, average_attn_weights=False)
    assert weights.shape == (2, attention.num_heads, 145, 145)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, attention.num_heads, 145))


def test_the_perceptron_gives_one_number() -> None:
    network = SimpleClassifier()
    assert [name for name, _ in network.named_children()] == ["fc1", "relu", "fc2"]
    assert network(torch.rand(7, 10)).shape == (7, 1)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_activation_is_a_module_used_once_and_not_in_place(name: str) -> None:
    network, calls = NETWORKS[name]().eval(), Counter[str]()
    activations = {n: m for n, m in network.named_modules() if isinstance(m, nn.ReLU | nn.GELU)}
    assert activations
    for label, module in activations.items():
        assert not getattr(module, "inplace", False)
        module.register_forward_hook(lambda m, args, out, label=label: calls.update([label]))
    network(torch.rand(1, 10) if name == "diabetes-mlp" else torch.rand(1, 3, 96, 96))
    assert calls == Counter(activations.keys())


@pytest.mark.parametrize("name", NETWORKS)
def test_shipped_weights_fit_strictly_and_are_small(name: str) -> None:
    file = WEIGHTS / f"{name}.safetensors"
    assert file.stat().st_size < 2_000_000
    NETWORKS[name]().load_state_dict(load_file(file), strict=True)


@pytest.mark.parametrize("name", NETWORKS)
def test_shipped_files_say_what_they_are(name: str) -> None:
    network, metadata = load_network(name)
    assert not network.training
    assert metadata["name"] == name
    assert metadata["seed"].isdigit()
    assert metadata["torch"].startswith("2.")
    figure = "r_squared" if name == "diabetes-mlp" else "accuracy"
    results = json.loads((WEIGHTS / "results.json").read_text())
    assert float(metadata[figure]) == results[name][figure]


@pytest.mark.parametrize("name", IMAGE_NETWORKS)
def test_shipped_image_networks_name_their_classes(name: str) -> None:
    assert tuple(json.loads(load_network(name)[1]["classes"])) == CLASSES


def test_an_unknown_network_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'signs-rnn'; there are signs-cnn"):
        load_network("signs-rnn")
