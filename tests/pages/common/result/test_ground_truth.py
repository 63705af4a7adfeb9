"""Where the evidence is known to lie: in a sign, in a box, or nowhere."""

from __future__ import annotations

import pytest

import explainers as ex
from tests.support.app import badges, opened

SCENE = "scene:1000050"
CNN, VIT = "demo:signs-cnn", "demo:signs-vit"


def explained(method: str = "grad-cam") -> tuple[ex.Model, ex.Attribution]:
    model = ex.load_model("demo:signs-cnn")
    return model, ex.explain(model, ex.sample(SCENE).load(), method)


def test_the_truth_is_a_sign_a_box_or_unknown() -> None:
    app = opened("grad_cam", model="demo:signs-cnn", input=SCENE)
    model, attribution = explained()
    app.selectbox(key="truth_of_scene").set_value("a box").run()
    for edge, value in {"left": 10, "top": 20, "right": 60, "bottom": 70}.items():
        app.number_input(key=f"truth_{edge}").set_value(value)
    app.run()
    boxed = ex.verify(model, ex.sample(SCENE).load(), attribution, truth=[10, 20, 60, 70])
    assert f"Energy inside {boxed['energy-inside'].value:.2f}" in badges(app)
    app.number_input(key="truth_left").set_value(80).run()
    assert "The box has no inside" in app.error[0].value
    assert "Energy inside" not in badges(app)
    app.selectbox(key="truth_of_scene").set_value("unknown").run()
    assert not app.error
    assert "Energy inside" not in badges(app)


@pytest.mark.parametrize("picture", ["photo:coffee", "scene:1000003"])
def test_where_nothing_is_known_of_the_class_nothing_is_said(picture: str) -> None:
    app = opened("grad_cam", model="demo:signs-cnn", input=picture, target="stop")
    assert "Is it a map" in badges(app)
    assert "Pointing game" not in badges(app)


def test_a_box_begins_in_the_middle_of_the_other_models_input() -> None:
    large = {"model": "torchvision:squeezenet1_1", "weights": "random", "input": "photo:coffee"}
    app = opened("grad_cam", **large, truth="a box")
    assert [app.number_input(key=f"truth_{edge}").value for edge in ("left", "bottom")] == [56, 168]
    app.selectbox(key="model").set_value(CNN).run()
    assert [app.number_input(key=f"truth_{edge}").value for edge in ("left", "bottom")] == [24, 72]
