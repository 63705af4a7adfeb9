"""What kind of checkpoint a file is: its content decides, and what is none is said."""

from __future__ import annotations

import pickle
import zipfile

import pytest
import torch
from safetensors.torch import save_file

from explainers.core.errors import VitrineError
from explainers.models import checkpoint_formats, read_state_dict
from tests.support.checkpoints import STATE, same_tensors, sentence_of


def test_the_content_decides_and_not_the_name(tmp_path):
    save_file(STATE, tmp_path / "w.pth")
    torch.save(STATE, tmp_path / "w.safetensors")
    assert read_state_dict(tmp_path / "w.pth").keys() == STATE.keys()
    assert same_tensors(read_state_dict(tmp_path / "w.safetensors"), STATE)


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


def test_a_zip_that_is_no_checkpoint(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as archive:
        archive.writestr("photos/cat.jpg", b"...")
    assert "is a zip archive that torch.save did not write" in sentence_of(tmp_path / "x.pt")


def test_an_archive_that_unfolds_enormously_is_not_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint_formats, "LARGEST_FILE", 2**20)
    with zipfile.ZipFile(tmp_path / "x.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", b"\x80\x02}q\0.")
        archive.writestr("x/data/0", bytes(2**22))
    assert "would unpack to more than" in sentence_of(tmp_path / "x.pt")
