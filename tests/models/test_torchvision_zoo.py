"""torchvision's models: built as torchvision builds them, with its weights, with yours, or untrained."""

from __future__ import annotations

import hashlib
import io
import itertools
import re

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torchvision.models import WeightsEnum, get_model, get_model_weights

from explainers.core.errors import VitrineError
from explainers.models import classification_models, load_model, weights_of
from explainers.models.torchvision_zoo import Blueprint, own_random_numbers, without_auxiliary_heads

SMALL = "squeezenet1_1"  # 5 MB


def some_weights(name: str, **arguments: object) -> dict[str, torch.Tensor]:
    with own_random_numbers():
        return get_model(name, weights=None, **arguments).state_dict()


@pytest.fixture(scope="module")
def small_weights() -> bytes:
    buffer = io.BytesIO()
    torch.save(some_weights(SMALL), buffer)
    return buffer.getvalue()


@pytest.fixture
def published(site, torch_home, small_weights, monkeypatch):
    """SMALL's default weights, on a server of our own; gives the file's name."""
    name = f"{SMALL}-{hashlib.sha256(small_weights).hexdigest()[:8]}.pth"
    url = site.serve(f"/models/{name}", small_weights)
    monkeypatch.setattr(get_model_weights(SMALL).DEFAULT.value, "url", url)
    return name


def test_only_classifiers_are_listed():
    names = classification_models()
    assert len(names) == len(set(names)) >= 80
    assert {"resnet50", "vit_b_16", "inception_v3"} <= set(names)
    assert not [name for name in names if re.search(r"quantized|rcnn|deeplab|fcn|raft|r3d|mvit|swin3d|ssd", name)]


def test_weights_are_listed_the_default_first():
    assert weights_of("resnet50") == ["IMAGENET1K_V2", "IMAGENET1K_V1"]
    assert weights_of("vgg16") == ["IMAGENET1K_V1"]  # its other weights have no classifier
    for name in classification_models():
        assert weights_of(name)[0] == get_model_weights(name).DEFAULT.name


def test_weights_are_downloaded_once_and_then_read_from_disk(published, torch_home, site):
    calls = []
    model = load_model(f"torchvision:{SMALL}", progress=lambda done, total: calls.append((done, total)))
    assert calls[-1][0] == calls[-1][1] == (torch_home / published).stat().st_size
    assert sum(b[0] - a[0] for a, b in itertools.pairwise(calls)) == calls[-1][1]
    expected = some_weights(SMALL)
    assert all(torch.equal(tensor, expected[name]) for name, tensor in model.network.state_dict().items())
    assert not model.untrained
    assert model.note == "torchvision's weights IMAGENET1K_V1."
    assert model.name == f"torchvision:{SMALL}"
    again = load_model(f"torchvision:{SMALL}@IMAGENET1K_V1")
    assert again.fingerprint == model.fingerprint
    assert len(site.requests) == 1


def test_weights_on_disk_need_no_network(torch_home, small_weights):
    torch_home.mkdir(parents=True)
    (torch_home / get_model_weights(SMALL).DEFAULT.url.rpartition("/")[2]).write_bytes(small_weights)
    assert len(load_model(f"torchvision:{SMALL}").labels) == 1000


def test_a_failed_download_says_what_else_would_do(torch_home, site, monkeypatch):
    monkeypatch.setattr(get_model_weights(SMALL).DEFAULT.value, "url", f"{site.address}/gone-12345678.pth")
    with pytest.raises(VitrineError) as caught:
        load_model(f"torchvision:{SMALL}")
    assert str(caught.value) == (
        f"Downloading the weights of torchvision:{SMALL} (IMAGENET1K_V1) failed: 127.0.0.1 answered 404 Not Found. "
        f"Check the network, or pass a local file as weights, or use torchvision:{SMALL}@random."
    )


def test_a_file_that_is_not_what_its_name_says_is_not_kept(torch_home, site, small_weights, monkeypatch):
    url = site.serve(f"/{SMALL}-00000000.pth", small_weights)
    monkeypatch.setattr(get_model_weights(SMALL).DEFAULT.value, "url", url)
    with pytest.raises(VitrineError, match="instead of 00000000"):
        load_model(f"torchvision:{SMALL}")
    assert list(torch_home.iterdir()) == []


def test_a_loaded_network_is_frozen_and_takes_what_its_weights_want(published):
    model = load_model(f"torchvision:{SMALL}")
    assert not model.network.training
    assert not any(p.requires_grad for p in model.network.parameters())
    assert model.input_shape == (3, 224, 224)
    assert model.labels[207] == "golden retriever"
    preset = get_model_weights(SMALL).DEFAULT.transforms()
    assert (model.preprocess.resize, model.preprocess.mean) == (preset.resize_size[0], tuple(preset.mean))


@pytest.mark.parametrize("name", ["googlenet", "densenet121", "regnet_y_400mf", "mnasnet0_5"])
def test_it_answers_as_the_network_torchvision_builds(name, tmp_path, monkeypatch):
    state = published_weights(name)
    torch.save(state, tmp_path / "w.pth")
    monkeypatch.setattr(WeightsEnum, "get_state_dict", lambda *_, **__: dict(state) if name != "mnasnet0_5" else state)
    theirs = get_model(name, weights="DEFAULT").eval()
    before = torch.get_rng_state()
    model = load_model(f"torchvision:{name}", weights=tmp_path / "w.pth")
    assert torch.equal(torch.get_rng_state(), before)
    x = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(0)) * 4 - 2
    theirs.to(memory_format=torch.channels_last)  # as ours lies in memory, so that no rounding differs
    with torch.inference_mode():
        assert torch.equal(model.network(x), theirs(x))
    assert not any("aux" in key.lower() for key in model.network.state_dict())
    if name == "mnasnet0_5":  # it asks for a version, which safetensors don't know
        save_file({key: tensor.contiguous() for key, tensor in state.items()}, tmp_path / "w.safetensors")
        assert load_model(f"torchvision:{name}", weights=tmp_path / "w.safetensors").fingerprint == model.fingerprint


def published_weights(name: str) -> dict[str, torch.Tensor]:
    """Weights as torchvision publishes them: with auxiliary heads, and DenseNet's under names with dots."""
    if name != "googlenet":
        state = some_weights(name)
        dotted = re.compile(r"(denselayer\d+\.(?:norm|conv))([12]\.)")
        if name == "densenet121":
            state = {dotted.sub(r"\1.\2", key): tensor for key, tensor in state.items() if "num_batches" not in key}
            assert any("norm.1." in key for key in state)
        return state
    with torch.device("meta"):  # its own initialisation takes seconds
        shapes = get_model(name, weights=None, aux_logits=True, init_weights=False).state_dict()
    random = torch.Generator().manual_seed(0)
    return {
        key: torch.rand(shape.shape, generator=random) * 0.1 + 0.01 * (shape.ndim == 1)
        if shape.ndim
        else torch.tensor(1)
        for key, shape in shapes.items()
    }


def test_inception_is_built_like_googlenet():
    network = Blueprint("inception_v3", get_model_weights("inception_v3").DEFAULT, aux=True).bodiless()
    assert network.transform_input
    assert network.AuxLogits is not None
    assert without_auxiliary_heads(network).AuxLogits is None
    assert not network.aux_logits


def test_googlenet_saved_without_its_auxiliary_heads(tmp_path):
    torch.save(some_weights("googlenet", aux_logits=False, init_weights=False, num_classes=5), tmp_path / "w.pth")
    model = load_model("torchvision:googlenet", weights=tmp_path / "w.pth")
    assert model.network.transform_input
    assert model.network.fc.out_features == 5


def test_the_weights_entry_decides_the_size_of_a_transformer():
    entries = get_model_weights("vit_b_16")
    assert Blueprint("vit_b_16", entries.IMAGENET1K_SWAG_E2E_V1).bodiless().image_size == 384
    assert Blueprint("vit_b_16", entries.IMAGENET1K_V1).bodiless().image_size == 224


FAMILIES = ["convnext_tiny", "efficientnet_b0", "maxvit_t", "mobilenet_v3_small", "resnet18", "shufflenet_v2_x0_5"]
FAMILIES += ["swin_t", "swin_v2_t", "vgg11", "vit_b_32"]


@pytest.mark.parametrize("name", FAMILIES)
def test_nothing_stays_without_memory_once_weights_are_in(name):
    network = Blueprint(name, get_model_weights(name).DEFAULT).bodiless()
    stored = network.state_dict().keys()
    assert all(tensor.is_meta for tensor in network.state_dict().values())
    assert {key for key, _ in network.named_buffers()} <= stored  # buffers that aren't stored would stay empty


def test_untrained_networks_are_the_same_every_time_and_leave_chance_alone():
    before = torch.get_rng_state()
    first = load_model("torchvision:resnet18@random")
    torch.rand(7)
    torch.set_rng_state(before)
    second = load_model("torchvision:resnet18@random")
    assert first.fingerprint == second.fingerprint
    assert torch.equal(torch.get_rng_state(), before)
    assert first.untrained
    assert first.note == "Random weights: its answers mean nothing."
    assert first.name == "torchvision:resnet18@random"
    assert len(first.labels) == 1000
    assert not first.network.training
    assert not any(p.requires_grad for p in first.network.parameters())
    assert first.network(first.inputs(torch.rand(1, 3, 64, 64))).isfinite().all()


def test_untrained_networks_take_no_weights(tmp_path):
    with pytest.raises(VitrineError, match="is untrained, so it takes no weights"):
        load_model("torchvision:resnet18@random", weights=tmp_path / "w.pt")


def test_real_weights_in_both_forms(shared_fixtures):
    folder = shared_fixtures / "weights/imagenet"
    models = [
        load_model("torchvision:mobilenet_v2", folder / f"mobilenet_v2_imagenet1k.{s}") for s in ("pth", "safetensors")
    ]
    assert models[0].fingerprint == models[1].fingerprint
    assert models[0].labels[0] == "tench"
    reference = torchvision.models.mobilenet_v2()
    reference.load_state_dict(torch.load(folder / "mobilenet_v2_imagenet1k.pth", weights_only=True))
    x = torch.rand(2, 3, 96, 96)
    reference.eval().to(memory_format=torch.channels_last)  # as ours lies in memory, so that no rounding differs
    with torch.inference_mode():
        assert torch.equal(models[0].network(x), reference(x))


@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_fine_tuned_file_decides_the_number_of_outputs(tmp_path, prefix):
    state = some_weights(SMALL, num_classes=3)
    torch.save({"state_dict": {prefix + key: tensor for key, tensor in state.items()}}, tmp_path / "mine.pth")
    model = load_model(f"torchvision:{SMALL}", tmp_path / "mine.pth")
    assert model.labels is None
    assert model.network(torch.rand(1, 3, 64, 64)).shape == (1, 3)
    assert model.note == f"Weights from mine.pth, in torchvision's {SMALL}."
    named = load_model(f"torchvision:{SMALL}", str(tmp_path / "mine.pth"), labels=["a", "b", "c"])
    assert named.labels == ("a", "b", "c")
    (tmp_path / "names.txt").write_text("a\nb\n")
    with pytest.raises(VitrineError, match=r"names\.txt has 2 labels, but the model has 3 outputs\."):
        load_model(f"torchvision:{SMALL}", tmp_path / "mine.pth", labels=tmp_path / "names.txt")


def test_a_file_of_another_architecture_does_not_fit(shared_fixtures):
    with pytest.raises(
        VitrineError, match=r"resnet20-12fca82f\.th does not fit ResNet: 44 missing .*; 32 unexpected .*; \d+ wrong"
    ):
        load_model("torchvision:resnet18", shared_fixtures / "weights/cifar10/resnet20-12fca82f.th")
