"""Reading weights: real files, awkward files, and files that want to run code."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import pickle
import struct
import sys
import tarfile
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from explainers.core.errors import VitrineError
from explainers.models import RefusedError, checkpoints, inspect_checkpoint, read_state_dict

REAL = {
    "weights/imagenet/mobilenet_v2_imagenet1k.safetensors": (314, "classifier.1.weight"),
    "weights/imagenet/mobilenet_v2_imagenet1k.pth": (314, "classifier.1.weight"),
    "weights/cifar10/resnet20-12fca82f.th": (97, "module.linear.weight"),
    "weights/cifar10/captum_cifar_torchvision.pt": (10, "fc3.weight"),
    "weights/other/mnistnet_training_checkpoint.pt": (8, "fc2.weight"),
    "weights/other/captum_titanic_model.pt": (6, "linear3.weight"),
    "weights/other/captum_california_model.pt": (8, "lin4.weight"),
    "lightning/uvadl_cifar10_ResNet.ckpt": (120, "model.input_net.0.weight"),
    "lightning/uvadl_cifar10_DenseNet.ckpt": (315, "model.input_net.0.weight"),
    "lightning/uvadl_transformer_ReverseTask.ckpt": (20, "transformer.layers.0.self_attn.qkv_proj.weight"),
    "lightning/uvadl_LogisticRegression_10.ckpt": (2, "model.weight"),
    "lightning/uvadl_fmnist_cnn.ckpt": (12, "model.final_linear.weight"),
}
STATE = {"conv.weight": torch.arange(6.0).reshape(2, 3), "conv.bias": torch.ones(2)}


class Payload:
    """Runs a command when unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return list(a) == list(b) and all(torch.equal(a[name], b[name]) for name in a)


def sentence_of(path: Path) -> str:
    with pytest.raises(VitrineError) as caught:
        read_state_dict(path)
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 500
    assert path.name in text
    return text


@pytest.mark.parametrize("name", REAL)
def test_real_files(fixtures, name):
    count, key = REAL[name]
    state = read_state_dict(fixtures / name)
    assert len(state) == count
    assert state[key].device.type == "cpu"
    assert all(tensor.isfinite().all() for tensor in state.values())


def test_both_forms_of_the_same_weights_are_equal(fixtures):
    folder = fixtures / "weights/imagenet"
    pickled = read_state_dict(folder / "mobilenet_v2_imagenet1k.pth")
    plain = read_state_dict(folder / "mobilenet_v2_imagenet1k.safetensors")
    assert pickled.keys() == plain.keys()
    assert all(torch.equal(pickled[name], plain[name]) for name in plain)
    theirs = load_file(folder / "mobilenet_v2_imagenet1k.safetensors")
    assert all(torch.equal(plain[name], theirs[name]) for name in plain)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    "checkpoint",
    [
        STATE,
        OrderedDict(STATE),
        {"state_dict": STATE, "epoch": 3, "pytorch-lightning_version": "2.1.0"},
        {"model": {"state_dict": STATE}, "optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}}},
        {"net": STATE, "acc": 91.0},
        {"epoch": 1, "generator": STATE, "loss": torch.tensor(0.1), "optim": {"lr": torch.ones(1)}},
        {"ema": {"conv.weight": torch.zeros(2, 3)}, "model": STATE},
        {**STATE, "epoch": 2, "note": "mixed with plain values"},
    ],
    ids=["plain", "ordered", "lightning", "nested", "net", "unknown name", "beside its average", "mixed"],
)
def test_where_scripts_keep_their_weights(tmp_path, checkpoint, zipped):
    torch.save(checkpoint, tmp_path / "w.pt", _use_new_zipfile_serialization=zipped)
    assert same(read_state_dict(tmp_path / "w.pt"), STATE)


def test_the_content_decides_and_not_the_name(tmp_path):
    save_file(STATE, tmp_path / "w.pth")
    torch.save(STATE, tmp_path / "w.safetensors")
    assert read_state_dict(tmp_path / "w.pth").keys() == STATE.keys()
    assert same(read_state_dict(tmp_path / "w.safetensors"), STATE)


def test_parameters_come_without_gradients(tmp_path):
    torch.save({"w": nn.Parameter(torch.ones(2))}, tmp_path / "w.pt")
    assert not read_state_dict(tmp_path / "w.pt")["w"].requires_grad


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("form", ["safetensors", "zip", "legacy", "refused"])
def test_the_file_is_closed_and_may_change(tmp_path, form):
    path = tmp_path / "unmistakable.pt"
    if form == "safetensors":
        save_file(STATE, path)
    elif form == "refused":
        torch.save({"args": argparse.Namespace(x=1)}, path)
    else:
        torch.save(STATE, path, _use_new_zipfile_serialization=form == "zip")
    inspect_checkpoint(path)
    state = {}
    try:
        state = read_state_dict(path)
    except RefusedError as error:
        assert form == "refused"
        del error
    opened = [
        os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{n}")
    ]
    assert not [name for name in opened if "unmistakable" in name]
    assert "unmistakable" not in Path("/proc/self/maps").read_text()
    path.write_bytes(b"\0" * path.stat().st_size)
    assert form == "refused" or all(torch.equal(state[name], STATE[name]) for name in STATE)


# What can't be read


def test_missing_empty_huge_and_folders(tmp_path):
    assert sentence_of(tmp_path / "none.pt").startswith("There is no file ")
    (tmp_path / "empty.pt").touch()
    assert sentence_of(tmp_path / "empty.pt") == "empty.pt is empty."
    with (tmp_path / "huge.pt").open("wb") as file:
        file.truncate(17 * 2**30)
    assert sentence_of(tmp_path / "huge.pt") == "huge.pt is 17.0 GiB; Vitrine reads weights up to 16 GiB."
    (tmp_path / "folder.pt").mkdir()
    assert "is a folder" in sentence_of(tmp_path / "folder.pt")
    with pytest.raises(VitrineError, match=r"There is no file null\?byte"):
        read_state_dict("null\0byte")


@pytest.mark.parametrize("part", [0.02, 0.5, 0.98])
@pytest.mark.parametrize(
    "name",
    [
        "weights/imagenet/mobilenet_v2_imagenet1k.safetensors",
        "weights/imagenet/mobilenet_v2_imagenet1k.pth",
        "weights/cifar10/resnet20-12fca82f.th",
        "lightning/uvadl_fmnist_cnn.ckpt",
    ],
)
def test_truncated_files(fixtures, tmp_path, name, part):
    content = (fixtures / name).read_bytes()
    path = tmp_path / "short.pt"
    path.write_bytes(content[: int(len(content) * part)])
    assert sentence_of(path).startswith("short.pt is cut short or damaged (")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"hello world, this is no checkpoint", "is neither safetensors nor a file torch.save wrote"),
        (b"cat\ndog\nemu\n", "is neither safetensors nor"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "is a Git LFS pointer"),
        (b"<!DOCTYPE html><html>", "is a web page"),
        (b"\x1c\0\0\0TFL3" + bytes(40), "is a TensorFlow Lite model"),
        (b"\x10" + bytes(7) + b'{"a": 1}', "is cut short or damaged"),
        (b"PK\x03\x04" + bytes(100), "is cut short or damaged"),
        (b"\x80\x02.", "is a pickle that torch.save did not write"),
        (b"\x80", "is a pickle that torch.save did not write"),
        (pickle.dumps({"a": 1}), "is a pickle that torch.save did not write"),
        (pickle.dumps([1, 2], protocol=0), "is a pickle that torch.save did not write"),
    ],
)
def test_garbage(tmp_path, content, words):
    path = tmp_path / "x.pt"
    path.write_bytes(content)
    assert words in sentence_of(path)


def test_damaged_bytes_never_escape_as_another_error(tmp_path):
    generator = torch.Generator().manual_seed(0)
    for zipped in (True, False):
        buffer = io.BytesIO()
        torch.save({"state_dict": STATE, "epoch": 1}, buffer, _use_new_zipfile_serialization=zipped)
        for _ in range(60):
            content = bytearray(buffer.getvalue())
            for place in torch.randint(len(content), (6,), generator=generator).tolist():
                content[place] ^= 1 << int(torch.randint(8, (1,), generator=generator))
            (tmp_path / "x.pt").write_bytes(content)
            with contextlib.suppress(VitrineError):
                read_state_dict(tmp_path / "x.pt")


@pytest.mark.parametrize(
    ("checkpoint", "words"),
    [
        ({"epoch": 3, "lr": 0.1}, "holds no weights: its top level has epoch, lr, and no tensors by name"),
        ({}, "holds no weights: it is an empty dict"),
        (torch.ones(3), "holds no weights: it is a Tensor"),
        ([torch.ones(3)], "holds no weights: it is a list"),
        ({"state_dict": {}, "optimizer": {"state": {0: torch.ones(1)}}}, "holds no weights"),
    ],
)
def test_checkpoints_without_weights(tmp_path, checkpoint, words):
    torch.save(checkpoint, tmp_path / "x.pt")
    assert words in sentence_of(tmp_path / "x.pt")


def test_several_sets_of_weights_are_not_guessed_between(tmp_path):
    torch.save({"generator": STATE, "critic": STATE}, tmp_path / "x.pt")
    with pytest.raises(VitrineError, match=r"2 sets of weights \(generator, critic\)"):
        read_state_dict(tmp_path / "x.pt")


def test_a_zip_that_is_no_checkpoint(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as archive:
        archive.writestr("photos/cat.jpg", b"...")
    assert "is a zip archive that torch.save did not write" in sentence_of(tmp_path / "x.pt")


def test_an_archive_that_unfolds_enormously_is_not_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "LARGEST_FILE", 2**20)
    with zipfile.ZipFile(tmp_path / "x.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", b"\x80\x02}q\0.")
        archive.writestr("x/data/0", bytes(2**22))
    assert "would unpack to more than" in sentence_of(tmp_path / "x.pt")


def test_a_cyclic_checkpoint_ends(tmp_path):
    loop: dict[str, object] = {"epoch": 1}
    loop["model"] = loop
    loop["other"] = loop
    torch.save(loop, tmp_path / "x.pt")
    assert "holds no weights" in sentence_of(tmp_path / "x.pt")


# What wants to run code


@pytest.mark.parametrize("form", ["zip", "legacy", "plain pickle", "oldest pickle", "newest pickle", "zip, protocol 4"])
def test_code_in_a_pickle_does_not_run(tmp_path, form):
    canary, path = tmp_path / "canary", tmp_path / "evil.pt"
    checkpoint = {"state_dict": STATE, "epoch": Payload(f"touch {canary}")}
    if form in {"zip", "legacy"}:
        torch.save(checkpoint, path, _use_new_zipfile_serialization=form == "zip")
    elif form == "zip, protocol 4":
        torch.save(checkpoint, path, pickle_protocol=4)
    else:
        path.write_bytes(pickle.dumps(checkpoint["epoch"], {"oldest pickle": 0, "plain pickle": 2}.get(form, 5)))
    wanted = f"{os.system.__module__}.system"
    with pytest.raises(RefusedError) as caught:
        read_state_dict(path)
    assert f"was not opened, because reading it would run code: it asks for {wanted}" in str(caught.value)
    info = inspect_checkpoint(path)
    assert wanted in info.suspicious
    assert info.refused == str(caught.value)
    assert not canary.exists()
    if form == "plain pickle":  # the payload is a real one
        pickle.loads(path.read_bytes())
        assert canary.exists()


def test_lightning_hyper_parameters_of_a_class_are_refused(fixtures):
    path = fixtures / "lightning/uvadl_cifar10_autoencoder64_UNSAFE_HPARAMS.ckpt"
    with pytest.raises(RefusedError, match=r"pytorch_lightning\.utilities\.parsing\.AttributeDict"):
        read_state_dict(path)


def test_a_whole_pickled_network_is_refused_with_advice(tmp_path):
    torch.save(nn.Linear(2, 2), tmp_path / "x.pt")
    text = sentence_of(tmp_path / "x.pt")
    assert "torch.nn.modules.linear.Linear" in text
    assert "torch.save(model.state_dict(), ...)" in text


@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        (torch.ones(1).expand(3_000_000, 512), "1 numbers in the place of 1,536,000,000"),
        (torch.eye(3).to_sparse(), "a tensor in sparse_coo"),
        (torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8), "quantised numbers"),
        (torch.ones(3, dtype=torch.complex64), "complex numbers"),
        (torch.ones(3, device="meta"), "no numbers"),
    ],
)
def test_tensors_that_are_no_dense_real_numbers_are_named(tmp_path, tensor, words):
    path = tmp_path / "odd.pt"
    torch.save(STATE | {"odd": tensor}, path)
    with pytest.raises(VitrineError, match=f"odd.pt holds {words} for odd; Vitrine reads dense real tensors"):
        read_state_dict(path)


def test_views_of_what_the_file_holds_are_read(tmp_path):
    table = torch.arange(12.0).view(3, 4)
    torch.save({"a": table.T, "b": table[1:]}, tmp_path / "views.pt")
    found = read_state_dict(tmp_path / "views.pt")
    assert torch.equal(found["a"], table.T)
    assert torch.equal(found["b"], table[1:])


def test_a_harmless_file_of_a_newer_protocol_is_not_accused(tmp_path):
    torch.save(STATE, tmp_path / "x.pt", pickle_protocol=4)
    assert "uses pickle protocol 4" in sentence_of(tmp_path / "x.pt")


def test_torchscript_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as archive:
        for name in ("data.pkl", "constants.pkl", "code/__torch__.py"):
            archive.writestr(f"x/{name}", b"\x80\x02}q\0.")
    assert "is a TorchScript archive" in sentence_of(tmp_path / "x.pt")
    assert [name for name, _ in inspect_checkpoint(tmp_path / "x.pt").records][-1] == "x/code/__torch__.py"


def test_tar_files_are_refused(tmp_path):
    with tarfile.open(tmp_path / "x.pt", "w") as archive:
        archive.addfile(tarfile.TarInfo("storages"), io.BytesIO())
    assert "gave up in 2017" in sentence_of(tmp_path / "x.pt")


def test_reading_never_asks_torch_for_more_than_weights(tmp_path, monkeypatch):
    asked = []
    load = torch.load
    monkeypatch.setattr(torch, "load", lambda *a, **k: asked.append(k) or load(*a, **k))
    torch.save(STATE, tmp_path / "x.pt")
    read_state_dict(tmp_path / "x.pt")
    inspect_checkpoint(tmp_path / "x.pt")
    assert asked
    assert all(k["weights_only"] is True for k in asked)


def test_a_safetensors_header_that_lies(tmp_path):
    header = b'{"a":{"dtype":"F32","shape":[1000000],"data_offsets":[0,4000000]}}'
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
    assert "is cut short or damaged" in sentence_of(tmp_path / "x.safetensors")
