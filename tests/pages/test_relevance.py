"""The relevance page: what it offers, and that its sentence, chart, table and code are the library's."""

from __future__ import annotations

import json

import pytest

import explainers as ex
from pages.common.result.options_form import option_key
from tests.support.app import opened, run_code, words

SCENE = "scene:1000051"


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
    space = run_code(code)
    assert ex.describe_flow(space["flow"]) in words(app)


def test_a_transformer_has_methods_of_its_own_and_begins_with_one() -> None:
    app = opened("relevance", input=SCENE, model="demo:signs-vit")
    assert not app.error
    assert app.selectbox(key="relevance_method_of_attention").value == "AttnLRP"
    assert "AttnLRP and CP-LRP have rules" in app.warning[0].value
    flow = ex.relevance_flow(ex.load_model("demo:signs-vit"), ex.sample(SCENE).load(), None, "attn-lrp")
    assert ex.describe_flow(flow) in words(app)
