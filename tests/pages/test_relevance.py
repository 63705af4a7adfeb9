"""The relevance page without a browser: what it offers, what it says, and what it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

import explainers as ex
from pages.common.result.options_form import option_key
from tests.support.app import opened, words

SCENE = "scene:1000051"


def test_every_composite_is_offered_with_its_options() -> None:
    app = opened("relevance", input=SCENE)
    model = ex.load_model("demo:signs-cnn")
    offered = {method.title: method for method in ex.methods(model) if method.family == "relevance"}
    assert set(app.selectbox(key="relevance_method").options) == set(offered)
    for title in ("LRP-γ", "LRP-αβ", "LRP EpsilonGammaBox"):
        app.selectbox(key="relevance_method").set_value(title).run()
        assert not app.exception
        keys = {slider.key for slider in app.slider}
        assert {
            option_key("relevance", offered[title].name, name) for name in offered[title].options.model_fields
        } <= keys


def test_the_sentence_the_chart_and_the_table_are_the_librarys() -> None:
    app = opened("relevance", input=SCENE, target="stop", relevance_method="LRP EpsilonPlus")
    app.slider(key=option_key("relevance", "lrp-epsilon-plus", "epsilon")).set_value(0.2).run()
    model = ex.load_model("demo:signs-cnn")
    flow = ex.relevance_flow(model, ex.sample(SCENE).load(), "stop", "lrp-epsilon-plus", epsilon=0.2)
    assert ex.describe_flow(flow) in words(app)
    table = next(element.value for element in app.dataframe if "share" in element.value)
    assert list(table["layer"]) == list(flow["layer"])
    assert table["share"].to_numpy() == pytest.approx(flow["share"].to_numpy(), rel=1e-4)
    (chart,) = (json.loads(c.proto.spec) for c in app.get("vega_lite_chart"))
    assert chart["height"] > 0
    assert chart["layer"][0]["encoding"]["x"]["sort"] == list(flow["layer"])


def test_the_code_under_the_chart_makes_its_table() -> None:
    app = opened("relevance", input=SCENE, target="stop", relevance_method="LRP-γ")
    code = next(block.value for block in app.code if "relevance_flow" in block.value)
    space: dict[str, Any] = {}
    exec(code, space)  # the page promises that it runs as it stands
    assert ex.describe_flow(space["flow"]) in words(app)


def test_a_network_that_the_rules_do_not_cover_is_warned_of_or_refused() -> None:
    assert not opened("relevance", input=SCENE).warning
    app = opened("relevance", input="photo:coffee", model="torchvision:mobilenet_v3_small", weights="random")
    warnings = "\n".join(warning.value for warning in app.warning)
    assert "9 × mul" in warnings
    assert "19 × Hardswish" in warnings
    assert not app.error
    refused = opened("relevance", input=SCENE, model="demo:signs-vit", relevance_method_of_attention="LRP EpsilonPlus")
    (error,) = refused.error
    assert "use attn-lrp or cp-lrp" in error.value


def test_a_transformer_has_methods_of_its_own_and_begins_with_one() -> None:
    app = opened("relevance", input=SCENE, model="demo:signs-vit")
    assert not app.error
    assert app.selectbox(key="relevance_method_of_attention").value == "AttnLRP"
    assert "AttnLRP and CP-LRP have rules" in app.warning[0].value
    flow = ex.relevance_flow(ex.load_model("demo:signs-vit"), ex.sample(SCENE).load(), None, "attn-lrp")
    assert ex.describe_flow(flow) in words(app)
