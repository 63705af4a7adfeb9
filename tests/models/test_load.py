"""Models by name: the list of them, and how they lie in memory."""

from __future__ import annotations

import pytest
import torch

from explainers.core.errors import VitrineError
from explainers.models import list_models, load_model


def test_loaded_kernels_lie_channels_last_in_memory(bundled):
    network = load_model("demo:signs-cnn").network
    kernel = next(p for p in network.parameters() if p.ndim == 4 and p.shape[-1] > 1)
    assert kernel.is_contiguous(memory_format=torch.channels_last)


def test_the_list_of_models(bundled, torch_home):
    models = {model.spec: model for model in list_models()}
    assert len(models) == len(list_models()) >= 84
    assert list(models)[:4] == [f"demo:{name}" for name in ("signs-cnn", "signs-vit", "signs-shortcut", "diabetes-mlp")]
    assert models["demo:signs-cnn"].on_disk
    resnet = models["torchvision:resnet50"]
    assert resnet.kind == "torchvision"
    assert resnet.weights == ("IMAGENET1K_V2", "IMAGENET1K_V1")
    assert not resnet.on_disk
    assert resnet.description == "25.6 M parameters, 80.9 % top-1 on ImageNet, 98 MB"
    torch_home.mkdir(parents=True)
    (torch_home / "resnet50-0676ba61.pth").touch()
    resnet = {model.spec: model for model in list_models()}["torchvision:resnet50"]
    assert resnet.cached == ("IMAGENET1K_V1",)
    assert not resnet.on_disk


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("torchvision:resnet5", r"no classification model 'resnet5'; did you mean resnet50"),
        ("torchvision:ResNet18", r"did you mean resnet18"),
        ("torchvision:xyz", r"there are 80 of them"),
        ("torchvision:fcn_resnet50", r"no classification model"),
        ("torchvision:resnet50@IMAGENET1K_V9", r"there are: IMAGENET1K_V2, IMAGENET1K_V1, random\."),
        ("torchvision:resnet50@", r"names no weights after the @"),
        ("torchvision:vgg16@IMAGENET1K_FEATURES", r"no weights 'IMAGENET1K_FEATURES' for vgg16"),
        ("resnet50", r"did you mean torchvision:resnet50\?"),
        ("signs-cnn", r"did you mean demo:signs-cnn\?"),
        ("demo:sign-cnn", r"no demo model 'sign-cnn'; did you mean signs-cnn"),
        ("demo:signs-cnn@random", r"no weights to choose from"),
        ("timm:resnet50", r"did you mean torchvision:resnet50\?"),
        ("", r"'' names no model"),
        ("torchvision:", r"names no model"),
    ],
)
def test_unknown_names_get_a_hint(spec, words):
    with pytest.raises(VitrineError, match=words):
        load_model(spec)
