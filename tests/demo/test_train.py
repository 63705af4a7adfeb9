"""The training of the demo networks, very short."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from explainers.demo import train
from explainers.demo.networks import load_network


def test_an_unknown_name_on_the_command_line_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        train.main(["signs-rnn"])
    assert caught.value.code == 2
    assert "unknown network signs-rnn" in capsys.readouterr().err


@pytest.mark.slow
def test_a_very_short_training_end_to_end(tmp_path: Path) -> None:
    names = ["signs-cnn", "signs-vit", "signs-shortcut", "diabetes-mlp"]
    folders = ["--out", str(tmp_path), "--cache", str(tmp_path / "cache")]
    train.main([*names, *folders, "--threads", "1", "--scenes", "24", "--epochs", "2"])
    results = json.loads((tmp_path / "results.json").read_text())
    assert set(results) == set(names)
    for name in names:
        network, metadata = load_network(name, tmp_path)
        assert metadata["name"] == name
        assert all(value.isfinite().all() for value in network.state_dict().values())
    assert 0 <= results["signs-shortcut"]["accuracy_other_classes_with_sticker"] <= 1
