"""The Saliency page: what its form holds reaches the explainer, and its code gives its map."""

from __future__ import annotations

import pytest

import explainers as ex
from tests.support.app import map_code, opened, run_code, words


def test_a_value_of_the_form_reaches_the_explainer() -> None:
    app = opened("saliency")
    app.slider(key="saliency_integrated_gradients_steps").set_value(7).run()
    assert [m.value for m in app.metric if m.label == "Passes"] == ["9 + 7"]
    code = map_code(app)
    assert "steps=7" in code


def test_a_layer_of_the_form_reaches_the_explainer() -> None:
    app = opened("saliency")
    app.selectbox(key="saliency_method").set_value("Layer conductance").run()
    layers = app.selectbox(key="saliency_layer")
    assert layers.value == ex.default_layer(ex.layers(ex.load_model("demo:signs-cnn"))).name
    assert "layer=" not in map_code(app)
    layers.set_value("layer2").run()
    assert "layer='layer2'" in map_code(app)
    assert "at layer2" in words(app)


@pytest.mark.parametrize("page", ["saliency", "grad_cam"])
def test_the_code_on_the_page_gives_the_array_on_the_page(page: str) -> None:
    app = opened(page, target="stop", input="scene:1000051")
    code = map_code(app)
    space = run_code(code)
    score = float(next(m.value for m in app.metric if m.label == "Score"))
    assert float(space["a"].score[0]) == pytest.approx(score, abs=6e-4)
    assert space["a"].target == ex.ClassTarget(ex.class_index("stop", space["model"]))
