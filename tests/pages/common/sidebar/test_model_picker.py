"""The model in the sidebar, and models beside it."""

from __future__ import annotations

import pytest

import explainers as ex
from pages.common.sidebar.model_picker import load_with_progress
from tests.support.app import map_code, opened


def test_a_model_beside_the_sidebars_is_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    load_model = ex.load_model

    def load(spec: str, **rest: object) -> ex.Model:
        calls.append(spec)
        return load_model("demo:signs-cnn", **rest)

    monkeypatch.setattr(ex, "load_model", load)
    assert load_with_progress("demo:of-a-test") is load_with_progress("demo:of-a-test")
    assert calls == ["demo:of-a-test"]


def test_weights_are_chosen_where_there_are_several_and_stand_in_the_code() -> None:
    app = opened("overview", model="demo:signs-vit")
    assert "weights" not in [box.key for box in app.selectbox]
    assert 'model = ex.load_model("demo:signs-vit")' in map_code(app)
    app = opened("overview", model="torchvision:squeezenet1_1", weights="random", input="photo:coffee")
    assert app.selectbox(key="weights").options[-1] == "random"
    assert 'model = ex.load_model("torchvision:squeezenet1_1@random")' in map_code(app)
