"""The cells of a comparison: what cannot be says why, and long work waits for a click."""

from __future__ import annotations

import pytest

import explainers as ex
from pages.common.run import confirm
from tests.support.app import CAMS, grid_numbers, opened, viewers

SCENE = "scene:1000050"


def test_a_cell_that_cannot_be_says_why_and_the_others_stand() -> None:
    app = opened(
        "compare", model="demo:signs-vit", input=SCENE, compare_methods=["grad-cam", "rollout"],
        compare_columns_beside_methods="models", compare_models=["demo:signs-cnn", "demo:signs-vit"],
    )  # fmt: skip
    assert len(grid_numbers(app)) == 3
    assert any("Attention rollout needs attention" in info.value for info in app.info)


def test_long_work_waits_for_a_click_that_says_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    priced: list[tuple[str, object]] = []

    def price(model: ex.Model, image: object, method: str, **options: object) -> ex.Cost:
        priced.append((method, options.get("regions")))
        return ex.Cost(65537, 0, 45.0) if options.get("regions") == 15 else ex.Cost(33, 0, 0.5)

    monkeypatch.setattr(ex, "estimate", price)
    monkeypatch.setattr(confirm, "PATIENCE", 20.0)
    app = opened("compare", model="demo:signs-cnn", input=SCENE, **CAMS)
    assert not priced, "captures start by themselves"
    app = opened(
        "compare", model="demo:signs-cnn", input=SCENE, compare_methods=["grad-cam", "shapley"], compare_shapley_regions="15",
        compare_columns_beside_methods="models", compare_models=["demo:signs-cnn", "demo:signs-shortcut"],
    )  # fmt: skip
    assert priced == [("shapley", 15)] * 2
    assert "Start: 131,078 passes, about 90 s" in [button.label for button in app.button]
    assert "131,076 forward and 2 backward passes." in [caption.value for caption in app.caption]
    assert viewers(app) == 0
    app.slider(key="compare_shapley_regions").set_value(4).run()
    assert not app.error
    assert not [button for button in app.button if button.label.startswith("Start")], "33 passes are soon made"
    assert len(grid_numbers(app)) == 4
