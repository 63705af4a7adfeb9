"""The public functions: bundled models, your own networks, and the list of what there is."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from explainers.api import explain
from explainers.core.errors import VitrineError
from explainers.core.preprocess import Preprocess
from explainers.demo.networks import NETWORKS
from explainers.demo.scenes import CLASSES, SIZE, draw_scene
from explainers.models import demo, demo_metadata, list_models, load_model, wrap
from tests.support.networks import assert_close, random_inputs, small_cnn, small_model
from tests.support.transformers import DEPTH, tiny_vit


@pytest.fixture
def bundled(tmp_path, monkeypatch):
    """A folder of bundled weights, untrained and in half precision as they are shipped."""
    for name, build in NETWORKS.items():
        state = {key: t.half() if t.is_floating_point() else t for key, t in build().state_dict().items()}
        save_file(state, tmp_path / f"{name}.safetensors", {"name": name, "features": '["age"]'})
    monkeypatch.setattr(demo, "WEIGHTS", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["signs-cnn", "signs-vit", "signs-shortcut"])
def test_bundled_image_models(bundled, name):
    before = torch.get_rng_state()
    model = load_model(f"demo:{name}")
    assert torch.equal(torch.get_rng_state(), before)
    assert (model.name, model.labels, model.input_shape) == (f"demo:{name}", CLASSES, (3, SIZE, SIZE))
    assert model.dtype == torch.float32
    assert not model.network.training
    assert not any(p.requires_grad for p in model.network.parameters())
    inputs = model.inputs(draw_scene(1_000_000).image.resize((200, 150)))
    assert inputs.shape == (1, 3, SIZE, SIZE)
    assert model.network(inputs).shape == (1, len(CLASSES))


def test_the_bundled_table_model(bundled):
    model = load_model("demo:diabetes-mlp")
    assert (model.task, model.input_shape, model.labels) == ("regression", (10,), ("disease progression",))
    assert model.preprocess is None
    assert model.network(model.inputs(torch.zeros(2, 10))).shape == (2, 1)
    assert demo_metadata("diabetes-mlp")["features"] == '["age"]'


def test_loaded_kernels_lie_channels_last_in_memory(bundled):
    network = load_model("demo:signs-cnn").network
    kernel = next(p for p in network.parameters() if p.ndim == 4 and p.shape[-1] > 1)
    assert kernel.is_contiguous(memory_format=torch.channels_last)


def test_bundled_architectures_take_your_weights_and_names(bundled, tmp_path):
    save_file(
        {f"module.{key}": tensor for key, tensor in NETWORKS["signs-cnn"]().state_dict().items()}, tmp_path / "mine"
    )
    names = [f"sign {i}" for i in range(len(CLASSES))]
    model = load_model("demo:signs-cnn", weights=tmp_path / "mine", labels=names)
    assert model.labels == tuple(names)
    assert "mine" in model.note
    with pytest.raises(VitrineError, match="does not fit SignsViT"):
        load_model("demo:signs-vit", weights=tmp_path / "mine")


def test_bundled_weights_that_are_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "WEIGHTS", tmp_path)
    with pytest.raises(
        VitrineError, match=r"not installed; make them with: python -m explainers\.demo\.train signs-cnn"
    ):
        load_model("demo:signs-cnn")


@pytest.mark.parametrize("name", list(NETWORKS))
def test_the_shipped_files_themselves(name):
    if not demo.weights_path(name).is_file():
        pytest.skip(f"the weights of demo:{name} have not been trained yet")
    model = load_model(f"demo:{name}")
    assert all(tensor.isfinite().all() for tensor in model.network.state_dict().values())
    assert demo_metadata(name)["name"] == name


def test_wrap_leaves_the_network_as_it_is():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten())
    network.train()
    model = wrap(network)
    assert model.network is network
    assert network.training
    assert all(p.requires_grad for p in network.parameters())
    assert (model.name, model.labels, model.input_shape) == ("Sequential", None, (3, 224, 224))
    with pytest.raises(VitrineError, match="no preprocessing"):
        model.inputs(draw_scene(0).image)


def test_wrap_takes_all_it_is_given(tmp_path):
    (tmp_path / "names.txt").write_text("yes\nno\n")
    preprocess = Preprocess(crop=(32, 48), channels="L", mean=(0.5,), std=(0.5,))
    model = wrap(nn.Linear(3, 2), tmp_path / "names.txt", preprocess, name="mine")
    assert (model.name, model.labels, model.input_shape) == ("mine", ("yes", "no"), (1, 32, 48))
    vector = wrap(nn.Linear(3, 1), input_shape=(3,), task="regression")
    assert (vector.task, vector.input_shape) == ("regression", (3,))


def compiled_whole(network: nn.Module) -> nn.Module:
    return torch.compile(network, backend="eager")


def compiled_blocks(network: nn.Module) -> nn.Module:
    for number in range(DEPTH):
        network.blocks[number] = torch.compile(network.blocks[number], backend="eager")
    return network


def compiled_in_place(network: nn.Module) -> nn.Module:
    network.compile(backend="eager")
    return network


@pytest.mark.parametrize("compiled", [compiled_whole, compiled_blocks, compiled_in_place])
def test_a_compiled_network_is_explained_as_if_it_were_not_and_stays_compiled(compiled):
    plain, network = tiny_vit(), compiled(tiny_vit().network)
    held = [*network.named_modules()]
    call = network._compiled_call_impl
    model = wrap(network, input_shape=plain.input_shape)
    assert (model.name, model.fingerprint) == ("TinyViT", plain.fingerprint)
    inputs = random_inputs(2, plain.input_shape, dtype=torch.float64)
    for method in ("attn-lrp", "cp-lrp", "grad-cam", "rollout"):
        assert_close(explain(model, inputs, method, 1).values, explain(plain, inputs, method, 1).values, 1e-12)
    assert [*network.named_modules()] == held
    assert network._compiled_call_impl is call
    with torch.no_grad():
        model.network.head.weight.zero_()
    assert not network.head.weight.any()


def test_what_is_compiled_after_it_was_wrapped_is_wrapped_anew_for_relevance_through_attention():
    plain = tiny_vit()
    model = wrap(plain.network, input_shape=plain.input_shape)
    compiled_blocks(plain.network)
    with pytest.raises(VitrineError, match="Part of TinyViT is compiled"):
        explain(model, random_inputs(1, plain.input_shape, dtype=torch.float64), "attn-lrp", 1)


def test_parts_of_a_convolutional_network_may_be_compiled():
    inputs = random_inputs(1)
    plain, network = small_model(), small_cnn()
    network.conv2 = torch.compile(network.conv2, backend="eager")
    network.conv3.compile(backend="eager")
    model = wrap(network, input_shape=plain.input_shape)
    for method in ("lrp-epsilon-plus", "guided-backprop"):
        assert_close(explain(model, inputs, method, 1).values, explain(plain, inputs, method, 1).values, 1e-6)


def test_wrap_says_what_contradicts():
    with pytest.raises(VitrineError, match=r"makes inputs of shape \(3, 32, 32\), but input_shape says \(3, 64, 64\)"):
        wrap(nn.Linear(1, 1), preprocess=Preprocess(crop=(32, 32)), input_shape=(3, 64, 64))
    with pytest.raises(VitrineError, match=r"takes a torch\.nn\.Module or a function, not int"):
        wrap(3)


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
