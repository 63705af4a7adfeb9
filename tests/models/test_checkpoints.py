"""Weights out of files: real ones, damaged ones, and ones that want to run code."""

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
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from explainers.core.errors import VitrineError
from explainers.models import RefusedError, inspect_checkpoint, read_state_dict
from tests.support.checkpoints import STATE, Payload, sentence_of

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


@pytest.mark.parametrize("name", REAL)
def test_real_files(shared_fixtures, name):
    count, key = REAL[name]
    state = read_state_dict(shared_fixtures / name)
    assert len(state) == count
    assert state[key].device.type == "cpu"
    assert all(tensor.isfinite().all() for tensor in state.values())


def test_both_forms_of_the_same_weights_are_equal(shared_fixtures):
    folder = shared_fixtures / "weights/imagenet"
    pickled = read_state_dict(folder / "mobilenet_v2_imagenet1k.pth")
    plain = read_state_dict(folder / "mobilenet_v2_imagenet1k.safetensors")
    assert pickled.keys() == plain.keys()
    assert all(torch.equal(pickled[name], plain[name]) for name in plain)
    theirs = load_file(folder / "mobilenet_v2_imagenet1k.safetensors")
    assert all(torch.equal(plain[name], theirs[name]) for name in plain)


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
def test_truncated_files(shared_fixtures, tmp_path, name, part):
    content = (shared_fixtures / name).read_bytes()
    path = tmp_path / "short.pt"
    path.write_bytes(content[: int(len(content) * part)])
    assert sentence_of(path).startswith("short.pt is cut short or damaged (")


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


def test_lightning_hyper_parameters_of_a_class_are_refused(shared_fixtures):
    path = shared_fixtures / "lightning/uvadl_cifar10_autoencoder64_UNSAFE_HPARAMS.ckpt"
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
    state = read_state_dict(tmp_path / "views.pt")
    assert torch.equal(state["a"], table.T)
    assert torch.equal(state["b"], table[1:])


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
    arguments = []
    load = torch.load
    monkeypatch.setattr(torch, "load", lambda *a, **k: arguments.append(k) or load(*a, **k))
    torch.save(STATE, tmp_path / "x.pt")
    read_state_dict(tmp_path / "x.pt")
    inspect_checkpoint(tmp_path / "x.pt")
    assert arguments
    assert all(k["weights_only"] is True for k in arguments)


def test_a_safetensors_header_that_lies(tmp_path):
    header = b'{"a":{"dtype":"F32","shape":[1000000],"data_offsets":[0,4000000]}}'
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
    assert "is cut short or damaged" in sentence_of(tmp_path / "x.safetensors")
