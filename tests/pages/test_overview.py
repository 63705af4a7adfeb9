"""The opening page says what the library says, and shows a map that suits the network."""

from __future__ import annotations

import json

import pytest

import explainers as ex
from tests.support.app import opened, words


def test_the_opening_page_says_what_predict_says() -> None:
    app = opened()
    model = ex.load_model("demo:signs-cnn")
    label, _, probability = ex.predict(model, ex.sample(ex.samples()[0].id).load()).top(1)[0]
    assert f"**{label}**" in words(app)
    assert f"**{probability:.1%}**" in words(app)
    spec = json.loads(app.get("vega_lite_chart")[0].proto.spec)
    assert spec["height"] > 0
    count = len([method for method in ex.methods(model) if method.family == "saliency"])
    assert f"by {count} methods, and whether the map adds up" in words(app)
    assert len(app.get("imgs")) == 2 or len(app.get("image")) == 2


@pytest.mark.parametrize(("model", "says"), [("demo:signs-cnn", "Grad-CAM at layer4"), ("demo:signs-vit", "AttnLRP")])
def test_the_opening_page_shows_a_map_that_suits_the_network(model: str, says: str) -> None:
    app = opened("", model=model, target="stop")
    assert f"{says}: the map highlights what raises the score of stop." in words(app)
