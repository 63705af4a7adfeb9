"""The bundled models."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from explainers.core.errors import VitrineError
from explainers.demo.networks import NETWORKS
from explainers.demo.scenes import CLASSES, SIZE, draw_scene
from explainers.models import demo, demo_metadata, load_model


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
