"""Another model in the sidebar: a page that was left at its defaults shows what its address opens in a new tab."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import explainers as ex
from tests.support.app import opened, take_picture

CNN, VIT = "demo:signs-cnn", "demo:signs-vit"
SCENE = "scene:1000050"
PAGES = ["overview", "saliency", "grad_cam", "perturbation", "attention", "relevance", "compare", "weight_stats"]


def shown_by(app: AppTest) -> dict[str, Any]:
    """What every control of the page holds, what the page says, and how many pictures it has."""
    kinds = (app.selectbox, app.multiselect, app.slider, app.number_input, app.toggle, app.button_group)
    values: dict[str, Any] = {str(control.key): control.value for kind in kinds for control in kind}
    messages = [alert.value for kind in (app.error, app.info) for alert in kind]
    return values | {"messages": messages, "pictures": len(app.get("image")) + len(app.get("imgs"))}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_left_at_its_defaults_follows_the_model(page: str) -> None:
    app = opened(page, model=CNN, input=SCENE)
    before = shown_by(app)
    app.selectbox(key="model").set_value(VIT).run()
    assert shown_by(app) == shown_by(opened(page, model=VIT, input=SCENE))
    app.selectbox(key="model").set_value(CNN).run()
    assert shown_by(app) == before


def test_what_was_chosen_stays_where_the_other_model_has_it() -> None:
    app = opened("grad_cam", model=CNN, input=SCENE)
    app.selectbox(key="cam_method").set_value("LayerCAM").run()
    app.multiselect(key="cam_strip").set_value(["layer1", "layer3"]).run()
    app.selectbox(key="model").set_value("demo:signs-shortcut").run()
    assert app.multiselect(key="cam_strip").value == ["layer1", "layer3"]
    app.selectbox(key="model").set_value(VIT).run()
    assert app.selectbox(key="cam_method").value == "LayerCAM"
    assert app.multiselect(key="cam_strip").value == ex.stages(ex.layers(ex.load_model(VIT)))


def test_a_strip_that_was_emptied_stays_empty() -> None:
    app = opened("grad_cam", model=CNN, input=SCENE)
    app.multiselect(key="cam_strip").set_value([]).run()
    app.selectbox(key="model").set_value(VIT).run()
    assert app.multiselect(key="cam_strip").value == []


def test_rules_for_convolutions_are_not_taken_to_a_transformer() -> None:
    app = opened("relevance", model=CNN, input=SCENE)
    app.selectbox(key="relevance_method").set_value("LRP-γ").run()
    app.selectbox(key="model").set_value(VIT).run()
    assert not app.error
    assert "What AttnLRP shows, and what it does not" in [box.label for box in app.expander]
    app.selectbox(key="model").set_value(CNN).run()
    assert app.selectbox(key="relevance_method").value == "LRP-γ"


def test_what_was_chosen_of_the_inputs_outlives_another_picture() -> None:
    """The axis begins with pictures other than the sidebar's; a choice is not such a beginning."""
    app = opened("compare", model=CNN, input=SCENE, compare_rows="inputs")
    start = app.multiselect(key="compare_inputs").value
    take_picture(app, start[1])
    fresh = opened("compare", model=CNN, input=start[1], compare_rows="inputs")
    assert app.multiselect(key="compare_inputs").value == fresh.multiselect(key="compare_inputs").value != start
    app.multiselect(key="compare_inputs").set_value([SCENE]).run()
    take_picture(app, SCENE)
    assert app.multiselect(key="compare_inputs").value == [SCENE]
