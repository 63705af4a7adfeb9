"""Controls in the address: what a link asks for and cannot have is said, once, and nothing else is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages.common.app.address import quoted
from tests.support.app import opened

ROOT = Path(__file__).parents[4]
SCENE = "scene:1000050"


def warned(app: AppTest) -> str:
    """What the page says of its address."""
    return "\n".join(str(warning.value) for warning in app.warning if "the link asks" in str(warning.value))


def controls(app: AppTest) -> list[Any]:
    """All controls that are kept in the address and hold no free text."""
    kinds = (app.selectbox, app.multiselect, app.slider, app.number_input, app.toggle, app.button_group)
    return [control for kind in kinds for control in kind if control.proto.query_param_key]


def test_a_method_that_does_not_exist_is_said_with_the_one_that_was_meant() -> None:
    app = opened("grad_cam", cam_method="grad-camm", input=SCENE)
    words = "Under **Method** the link asks for `grad-camm`, which is not offered here (did you mean `Grad-CAM`?)."
    assert warned(app) == f"{words} Shown instead: `Grad-CAM`."


def test_a_method_for_other_models_is_said_to_be_one() -> None:
    app = opened("relevance", relevance_method="AttnLRP", input=SCENE)
    assert "`AttnLRP`, which `demo:signs-cnn` cannot be asked by. Shown" in warned(app)


def test_numbers_out_of_range_are_said_with_the_range() -> None:
    app = opened("saliency", saliency_integrated_gradients_steps="9999", input=SCENE)
    assert "Under **Steps** the link asks for `9999`, which is no number from " in warned(app)


def test_what_is_said_stays_until_the_control_is_moved_or_the_page_left() -> None:
    app = opened("grad_cam", cam_method="grad-camm", cam_layer="layer9", input=SCENE)
    app.run()
    assert "grad-camm" in warned(app)
    assert "layer9" in warned(app)
    app.selectbox(key="cam_method").set_value("LayerCAM").run()
    assert "grad-camm" not in warned(app)
    assert "layer9" in warned(app)
    app.switch_page("pages/saliency.py").run()
    assert not warned(app)


def test_nothing_is_said_of_an_address_that_can_be_had() -> None:
    app = opened("grad_cam", cam_method="LayerCAM", cam_layer="layer3", cam_opacity="0.5", input=SCENE)
    assert app.selectbox(key="cam_method").value == "LayerCAM"
    assert not warned(app)


def values(app: AppTest) -> dict[str, Any]:
    """What every control that is kept in the address holds."""
    return {str(control.key): control.value for control in controls(app)}


VIEWS: dict[str, dict[str, str]] = {
    "overview": {"target": "a channel of a layer"},
    "saliency": {"saliency_view": "absolute", "truth_of_scene": "a box", "against": "parking"},
    "grad_cam": {},
    "perturbation": {},
    "attention": {"model": "demo:signs-vit", "attention_method": "Attention of one layer"},
    "relevance": {},
    "compare": {},
    "story": {},
    "weight_stats": {},
}
"""An address of every page in which as many of its controls are drawn as there can be."""


@pytest.mark.parametrize("page", VIEWS)
def test_every_control_of_every_page_says_what_it_does_not_offer(page: str) -> None:
    needed = VIEWS[page]
    usual = opened(page, input=SCENE, **needed)
    labels = {str(control.key): str(control.label) for control in controls(usual) if control.key not in needed}
    assert len(labels) >= 2
    app = opened(page, **dict.fromkeys(labels, "no such value"), **needed)
    said = warned(app)
    missing = [
        key for key, label in labels.items() if f"Under **{label}** the link asks for `no such value`" not in said
    ]
    assert missing == []
    assert values(app) == values(usual)


def test_every_control_in_the_address_is_drawn_by_the_one_who_says_so() -> None:
    pages = [path for path in (ROOT / "pages").rglob("*.py") if 'bind="query-params"' in path.read_text()]
    assert pages == [ROOT / "pages" / "common" / "app" / "address.py"]


def test_an_upload_of_an_axis_that_is_gone_is_said_by_its_name() -> None:
    app = opened(
        "compare", compare_rows="inputs", compare_inputs=["scene:1000003", "cat.png · 0123456789ab"], input=SCENE
    )
    assert "Under **Inputs** the link asks for `cat.png`, an upload that the server no longer keeps." in warned(app)
    assert app.multiselect(key="compare_inputs").value == ["scene:1000003"]


@pytest.mark.parametrize("text", ["[a](http://b)", "**a**", "a`b`\nc", "x" * 500, "<b>"])
def test_a_value_of_unknown_origin_is_no_markup(text: str) -> None:
    plain = quoted(text)
    assert plain.startswith("`")
    assert plain.endswith("`")
    assert plain.count("`") == 2
    assert len(plain) <= 62
    assert plain.isprintable()
