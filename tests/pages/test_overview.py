"""The opening page says what the library says, and shows a map that suits the network."""

from __future__ import annotations

import pytest

import explainers as ex
from tests.support.app import opened, run_code, viewers, words


def test_the_opening_page_says_what_predict_says() -> None:
    app = opened()
    model = ex.load_model("demo:signs-cnn")
    label, _, probability = ex.predict(model, ex.sample(ex.samples()[0].id).load()).top(1)[0]
    assert f"**{label}**" in words(app)
    assert f"**{probability:.1%}**" in words(app)
    assert f">{label}</th>" in app.get("html")[0].proto.body
    assert not app.get("vega_lite_chart")  # its library would be loaded before the pictures stand
    count = len([method for method in ex.methods(model) if method.family == "saliency"])
    assert f"by {count} methods, and whether the map adds up" in words(app)
    assert viewers(app) == 2


@pytest.mark.parametrize(("model", "says"), [("demo:signs-cnn", "Grad-CAM at layer4"), ("demo:signs-vit", "AttnLRP")])
def test_the_opening_page_shows_a_map_that_suits_the_network(model: str, says: str) -> None:
    app = opened("", model=model, target="stop")
    assert f"{says}: the map highlights what raises the score of stop." in words(app)


def test_table_and_code_come_when_they_are_asked_for() -> None:
    app = opened()
    assert not app.dataframe
    assert not app.code
    for box in app.expander:
        app.session_state[box.key] = True
    app.run()
    assert list(app.dataframe[0].value.columns) == ["class", "probability"]
    assert len(app.dataframe[0].value) == 5
    space = run_code(app.code[0].value)
    assert space["a"].method == "grad-cam"
