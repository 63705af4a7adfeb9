"""Which architecture weights are for: the kept signatures against the networks that torchvision builds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import explainers as ex
from explainers.models import MisfitError, classification_models
from explainers.models._architectures import SIGNATURES
from explainers.models.architecture_search import architecture_of, signature
from explainers.models.torchvision_zoo import Blueprint, _entry, _head

HEAVY = "regnet"  # is built with all its weights, which takes seconds to minutes


def built(name: str, outputs: int) -> nn.Module:
    return Blueprint(name, _entry(name, None), outputs=outputs).bodiless()


def shapes_of(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def assert_known(name: str) -> None:
    network = built(name, 7)
    shapes = shapes_of(network)
    head = next(path for path, module in network.named_modules() if module is _head(network))
    assert SIGNATURES[name] == (head, signature(shapes, head))
    assert architecture_of(shapes) == f"torchvision:{name}"


def test_every_architecture_has_a_signature_of_its_own() -> None:
    assert set(SIGNATURES) == set(classification_models())
    assert len(set(SIGNATURES.values())) == len(SIGNATURES)


@pytest.mark.parametrize(
    "name", ["resnet18", "densenet121", "vit_b_16", "swin_t", "squeezenet1_1", "googlenet", "regnet_y_400mf"]
)
def test_weights_of_any_number_of_classes_are_recognised(name: str) -> None:
    assert_known(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in classification_models() if not name.startswith(HEAVY)])
def test_signatures_are_those_of_the_networks(name: str) -> None:
    assert_known(name)


def test_wrappers_counters_and_auxiliary_heads_do_not_matter() -> None:
    shapes = shapes_of(built("resnet18", 1000))
    wrapped = {f"module.model.{name}": shape for name, shape in shapes.items() if "num_batches" not in name}
    assert architecture_of(wrapped) == "torchvision:resnet18"
    google = shapes_of(built("googlenet", 1000))
    assert (
        architecture_of({**google, "aux1.fc1.weight": (1024, 2048), "aux1.fc1.bias": (1024,)})
        == "torchvision:googlenet"
    )


def test_another_width_is_another_network_and_strangers_are_none() -> None:
    shapes = shapes_of(built("resnet50", 1000))
    assert architecture_of({**shapes, "layer4.0.conv2.weight": (512, 8, 3, 3)}) is None
    assert architecture_of({"weight": (3, 4)}) is None
    assert architecture_of({}) is None


def test_a_file_that_does_not_fit_names_what_it_looks_like(shared_fixtures: Path) -> None:
    file = shared_fixtures / "weights" / "imagenet" / "mobilenet_v2_imagenet1k.pth"
    with pytest.raises(
        MisfitError, match=r"does not fit ResNet: .*; it looks like torchvision:mobilenet_v2\.$"
    ) as caught:
        ex.load_model("torchvision:resnet18", weights=file)
    assert caught.value.looks_like == "torchvision:mobilenet_v2"
    assert ex.inspect_checkpoint(file).looks_like == "torchvision:mobilenet_v2"


def test_a_file_of_no_known_architecture_names_none(tmp_path: Path) -> None:
    file = tmp_path / "mine.pt"
    torch.save({"weight": torch.zeros(2, 3)}, file)
    with pytest.raises(MisfitError) as caught:
        ex.load_model("torchvision:resnet18", weights=file)
    assert caught.value.looks_like is None
    assert "looks like" not in str(caught.value)
