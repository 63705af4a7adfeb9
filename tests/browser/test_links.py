"""Addresses in a real Chromium: Back brings back what was seen, and what a link asks in vain is said."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.support.app import picture
from tests.support.browser.driving import App, query

pytestmark = pytest.mark.browser

SCENE = "scene:1000050"


def held(app: App, key: str) -> str:
    """What a select box holds."""
    return app.widget(key).get_by_role("combobox").input_value()


def back(app: App) -> None:
    app.page.go_back()
    app.wait()


def test_back_brings_the_method_its_options_and_the_page_back(app: App) -> None:
    app.open("saliency", input=SCENE, saliency_method="Gradient")
    app.choose("saliency_method", "SmoothGrad")
    app.slide("saliency_smoothgrad_samples", 3)
    app.choose("saliency_method", "Input × gradient")  # and the options of the earlier one leave the address
    app.go("Grad-CAM")
    back(app)
    assert held(app, "saliency_method") == "Input × gradient"
    back(app)
    assert held(app, "saliency_method") == "SmoothGrad"
    assert app.widget("saliency_smoothgrad_samples").get_by_role("slider").input_value() == "28"
    back(app)  # all steps of the slider are one
    assert query(app.page)["saliency_method"] == ["SmoothGrad"]
    assert "saliency_smoothgrad_samples" not in query(app.page)
    assert app.widget("saliency_smoothgrad_samples").get_by_role("slider").input_value() == "25"
    back(app)
    assert held(app, "saliency_method") == "Gradient"
    app.page.go_forward()
    app.wait()
    assert held(app, "saliency_method") == "SmoothGrad"


def test_back_brings_the_target_and_the_step_of_the_story_back(app: App) -> None:
    app.open("saliency", input=SCENE, saliency_method="Gradient")
    app.choose("target", "no entry")
    back(app)
    assert held(app, "target") == "top class"
    app.go("A story")
    app.press("story_next", lambda: "2 · The maps" in query(app.page).get("story_step", []))
    back(app)
    expect(app.widget("story_step").get_by_role("radio", checked=True)).to_have_text("1 · The answer")


def test_a_method_that_does_not_exist_is_said(app: App) -> None:
    app.open("grad_cam", cam_method="grad-camm", input=SCENE)
    said = app.page.get_by_test_id("stAlert").filter(has_text="grad-camm")
    expect(said).to_contain_text("did you mean Grad-CAM?")
    app.choose("cam_method", "LayerCAM")
    expect(said).to_have_count(0)


def test_a_lost_upload_is_named_and_uploaded_again_in_the_page(app: App) -> None:
    app.open("saliency", input="my cat.png · 0123456789ab", saliency_method="Gradient")
    expect(app.page.get_by_test_id("stMain").get_by_test_id("stAlert")).to_contain_text("my cat.png is no longer kept")
    file = {"name": "my cat.png", "mimeType": "image/png", "buffer": picture("red")}
    app.widget("_lost_file").locator("input[type=file]").set_input_files([file])
    assert len(app.images(2)) >= 2
    app.wait()
    expect(app.page.get_by_test_id("stMain").get_by_test_id("stAlertContentError")).to_have_count(0)
    assert query(app.page)["saliency_method"] == ["Gradient"]


def test_a_page_that_cannot_serve_the_model_offers_one_at_a_click(app: App) -> None:
    app.open("attention", input=SCENE)
    app.page.get_by_role("button", name="Use demo:signs-vit").click()
    app.images(2)
    app.wait()
    assert query(app.page)["model"] == ["demo:signs-vit"]
    app.page.go_back()
    expect(app.page.get_by_role("button", name="Use demo:signs-vit")).to_be_visible()
    app.wait()
