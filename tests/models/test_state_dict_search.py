"""Where training scripts keep their weights."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch

from explainers.core.errors import VitrineError
from explainers.models import read_state_dict
from tests.support.checkpoints import STATE, same_tensors, sentence_of


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
    assert same_tensors(read_state_dict(tmp_path / "w.pt"), STATE)


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


def test_a_cyclic_checkpoint_ends(tmp_path):
    loop: dict[str, object] = {"epoch": 1}
    loop["model"] = loop
    loop["other"] = loop
    torch.save(loop, tmp_path / "x.pt")
    assert "holds no weights" in sentence_of(tmp_path / "x.pt")
