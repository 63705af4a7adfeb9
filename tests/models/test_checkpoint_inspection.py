"""What is said of a checkpoint without running it."""

from __future__ import annotations

import hashlib

import pytest
import torch
from safetensors.torch import save_file

from explainers.core.errors import VitrineError
from explainers.models import Format, TensorInfo, inspect_checkpoint, read_state_dict

FILES = {
    "weights/imagenet/mobilenet_v2_imagenet1k.safetensors": Format.SAFETENSORS,
    "weights/imagenet/mobilenet_v2_imagenet1k.pth": Format.ZIP,
    "weights/cifar10/resnet20-12fca82f.th": Format.LEGACY,
    "weights/cifar10/captum_cifar_torchvision.pt": Format.LEGACY,
    "weights/other/mnistnet_training_checkpoint.pt": Format.ZIP,
    "weights/other/captum_titanic_model.pt": Format.LEGACY,
    "lightning/uvadl_cifar10_ResNet.ckpt": Format.LEGACY,
    "lightning/uvadl_LogisticRegression_10.ckpt": Format.ZIP,
}


@pytest.mark.parametrize("name", FILES)
def test_it_lists_what_reading_gives(shared_fixtures, name):
    path = shared_fixtures / name
    info = inspect_checkpoint(path)
    state = read_state_dict(path)
    assert info.format is FILES[name]
    assert info.size == path.stat().st_size
    assert info.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    shapes = {t.name: (t.shape, t.dtype) for t in info.tensors}
    assert shapes == {key: (tuple(t.shape), str(t.dtype)[6:]) for key, t in state.items()}
    assert info.parameters == sum(t.numel() for t in state.values())
    assert info.refused is None
    assert info.suspicious == ()


def test_a_lightning_checkpoint_tells_its_origin(shared_fixtures):
    info = inspect_checkpoint(shared_fixtures / "lightning/uvadl_LogisticRegression_10.ckpt")
    assert info.hints == {"Lightning": "1.3.4", "epoch": "40", "step": "80"}
    assert info.prefixes == ("model.",)
    assert info.tensors == (
        TensorInfo("model.weight", (10, 512), "float32", 5120),
        TensorInfo("model.bias", (10,), "float32", 10),
    )
    entries = {entry.key: entry for entry in info.entries}
    assert entries["epoch"].type == "int"
    assert '"lr": 0.001' in entries["hyper_parameters"].value
    assert ("archive/data.pkl" in dict(info.records)) or any(n.endswith("data.pkl") for n, _ in info.records)


def test_a_refused_file_still_shows_what_it_wanted(shared_fixtures):
    info = inspect_checkpoint(shared_fixtures / "lightning/uvadl_cifar10_autoencoder64_UNSAFE_HPARAMS.ckpt")
    assert info.suspicious == ("pytorch_lightning.utilities.parsing.AttributeDict",)
    assert "collections.OrderedDict" in info.globals
    assert len(info.records) == 26
    assert info.refused is not None
    assert "AttributeDict" in info.refused


def test_safetensors_metadata_and_stacked_prefixes(tmp_path):
    save_file({"_orig_mod.module.w": torch.ones(2, 3, dtype=torch.bfloat16)}, tmp_path / "x.pt", {"made": "here"})
    info = inspect_checkpoint(tmp_path / "x.pt")
    assert info.metadata == (("made", "here"),)
    assert info.prefixes == ("_orig_mod.", "module.")
    assert info.tensors == (TensorInfo("_orig_mod.module.w", (2, 3), "bfloat16", 6),)


def test_numbers_are_not_read_for_a_look(tmp_path):
    torch.save({"w": torch.ones(4, 5), "step": torch.tensor(7)}, tmp_path / "x.pt")
    info = inspect_checkpoint(tmp_path / "x.pt")
    assert [entry.value for entry in info.entries] == ["", ""]
    assert info.parameters == 21


def test_names_from_the_file_cannot_break_a_line(tmp_path):
    torch.save({"evil\n\x1b[31mname" + "x" * 500: torch.ones(1), "note": "two\nlines"}, tmp_path / "x.pt")
    info = inspect_checkpoint(tmp_path / "x.pt")
    shown = [info.tensors[0].name, info.entries[0].key, info.entries[1].value]
    assert all(text.isprintable() and len(text) <= 160 for text in shown)


def test_what_is_no_checkpoint_is_said(tmp_path):
    (tmp_path / "x.pt").write_text("nothing of the kind")
    with pytest.raises(VitrineError, match="neither safetensors nor"):
        inspect_checkpoint(tmp_path / "x.pt")


def test_metadata_cannot_send_anything_to_the_terminal(tmp_path):
    save_file({"a": torch.ones(2)}, tmp_path / "m.safetensors", metadata={"made\n": "x\x1b[31mred\nrefused: no"})
    assert inspect_checkpoint(tmp_path / "m.safetensors").metadata == (("made?", "x?[31mred?refused: no"),)


def test_keys_of_every_kind_are_shown(tmp_path):
    torch.save({"state_dict": {"a": torch.ones(2)}, "pairs": {(0, 1): 3}}, tmp_path / "keys.pt")
    entries = {entry.key: entry.value for entry in inspect_checkpoint(tmp_path / "keys.pt").entries}
    assert entries["pairs"] == '{"(0, 1)": 3}'
