"""What is said below a grid: the checks of every map at a click."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import explainers as ex
from tests.support.app import CAMS, grid_numbers, opened, take_picture

SCENE = "scene:1000050"


def test_checks_come_at_a_click_for_every_map() -> None:
    app = opened("compare", model="demo:signs-cnn", input=SCENE, **CAMS)
    assert "Deletion" not in grid_numbers(app)
    app.button(key="compare_check").click().run()
    table = grid_numbers(app)
    model, image = ex.load_model("demo:signs-cnn"), ex.sample(SCENE).load()
    attribution = ex.explain(model, image, "layer-cam", layer=table["layer"][5])
    assert table["Deletion"][5] == pytest.approx(
        ex.verify(model, image, attribution, "deletion")["deletion"].value, abs=1e-4
    )
    assert "compare_check" not in [button.key for button in app.button]


def test_a_map_that_could_not_be_checked_stands_without_a_curve(monkeypatch: pytest.MonkeyPatch) -> None:
    verify = ex.verify

    def unchecked(model: ex.Model, image: Any, attribution: ex.Attribution, *rest: Any, **more: Any) -> ex.Verdict:
        broken = (
            replace(attribution, values=attribution.values * float("nan"))
            if attribution.method == "layer-cam"
            else attribution
        )
        return verify(model, image, broken, *rest, **more)

    monkeypatch.setattr(ex, "verify", unchecked)
    app = opened("compare", model="demo:signs-cnn", input="scene:1000051", **CAMS)
    app.button(key="compare_check").click().run()
    assert not app.exception
    assert not app.error
    table = grid_numbers(app)
    assert table["Deletion"].isna().tolist() == table["map"].str.startswith("layer-cam").tolist()


def test_who_agreed_to_the_checks_of_one_picture_is_asked_again_for_the_next() -> None:
    app = opened("compare", model="demo:signs-cnn", input="scene:1000044", **CAMS, compare_layers=["layer4"])
    app.button(key="compare_check").click().run()
    assert "Deletion" in grid_numbers(app)
    take_picture(app, "scene:1000031")
    assert "Deletion" not in grid_numbers(app)
    assert "compare_check" in [button.key for button in app.button]
    take_picture(app, "scene:1000044")
    assert "Deletion" in grid_numbers(app), "what was found stays"
