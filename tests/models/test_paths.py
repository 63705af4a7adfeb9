"""Paths as people type them."""

from __future__ import annotations

from pathlib import Path

from explainers.models.paths import expanded


def test_the_home_folder_is_filled_in_where_it_is_known(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expanded("~/weights.pt") == tmp_path / "weights.pt"
    assert expanded(Path("~nobody-of-this-name/weights.pt")) == Path("~nobody-of-this-name/weights.pt")
    assert expanded("weights.pt") == Path("weights.pt")
