"""The verdict in a real browser: at once, at a click, and against a box that is dragged."""

from __future__ import annotations

import io
import re

import pytest
from playwright.sync_api import Browser, expect

import explainers as ex
from pages.common.result.conclusions import FAITHFUL
from tests.support.browser.driving import App

pytestmark = pytest.mark.browser

SCENE = "scene:1000050"


def test_dear_checks_come_at_a_click(app: App) -> None:
    app.open("grad_cam", model="demo:signs-cnn", input=SCENE)
    expect(app.page.get_by_text("Pointing game 1.00").first).to_be_visible()
    button = app.widget("make_checks").get_by_role("button")
    expect(button).to_have_text(re.compile(r"Make 3 checks: about [\d.]+ (s|min)"))
    expect(app.page.get_by_text(re.compile(r"^[\d,]+ forward and \d+ backward passes\.$"))).to_be_visible()
    button.click()
    expect(app.page.get_by_text(re.compile("Deletion 0.0")).first).to_be_visible()
    app.wait()
    assert "covering these pixels lowers the score faster than with every one of 24 opponents" in app.text()
    charts = app.page.get_by_test_id("stVegaLiteChart")
    assert charts.count() == 5  # hidden halves, deletion, insertion, randomisation; the profile of the strip's layers
    app.page.get_by_text("The checks as a table").click()
    expect(app.page.get_by_test_id("stDataFrame").locator("visible=true").first).to_be_visible()


def test_a_box_is_dragged_over_the_picture(app: App) -> None:
    app.open("grad_cam", model="demo:signs-cnn", input=SCENE)
    app.page.get_by_text("Where the evidence is known to lie").click()
    app.wait()
    app.choose("truth_of_scene", "a box")
    chart = app.widget("_truth_box").locator("canvas, svg").first
    chart.scroll_into_view_if_needed()
    place = chart.bounding_box()
    assert place is not None
    start, end = 0.25, 0.75
    app.page.mouse.move(place["x"] + start * place["width"], place["y"] + start * place["height"])
    app.page.mouse.down()
    app.page.mouse.move(place["x"] + end * place["width"], place["y"] + end * place["height"], steps=8)
    app.page.mouse.up()
    app.wait()
    edges = [
        int(app.widget(f"truth_{edge}").locator("input").input_value()) for edge in ("left", "top", "right", "bottom")
    ]
    assert all(abs(edge - share * 96) <= 6 for edge, share in zip(edges, (start, start, end, end), strict=True)), edges
    model = ex.load_model("demo:signs-cnn")
    image = ex.sample(SCENE).load()
    verdict = ex.verify(model, image, ex.explain(model, image), truth=edges)
    expect(app.page.get_by_text(f"Energy inside {verdict['energy-inside'].value:.2f}").first).to_be_visible()


def test_a_mask_comes_from_a_file(app: App) -> None:
    model, image = ex.load_model("demo:signs-cnn"), ex.sample(SCENE).load()
    name, mask = next(iter(ex.sample(SCENE).regions().items()))
    app.open("grad_cam", model="demo:signs-cnn", input=SCENE, target="give way")
    app.page.get_by_text("Where the evidence is known to lie").click()
    app.wait()
    app.choose("truth_of_scene", "a mask from a file")
    expect(app.page.get_by_text(re.compile("Energy inside"))).to_have_count(0)  # no file yet
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    app.widget("_truth_file").locator("input[type=file]").set_input_files(
        files=[{"name": f"{name}.png", "mimeType": "image/png", "buffer": buffer.getvalue()}]
    )
    app.wait()
    verdict = ex.verify(model, image, ex.explain(model, image, target="give way"), truth=ex.truth_mask(model, mask))
    for check, title in (("energy-inside", "Energy inside"), ("truth-overlap", "Overlap with the truth")):
        expect(app.page.get_by_text(f"{title} {verdict[check].value:.2f}").first).to_be_visible()


def test_the_same_address_has_the_same_verdict_in_a_fresh_session(app: App, browser: Browser, address: str) -> None:
    """Whatever was looked at on the way there."""
    app.open("grad_cam", model="demo:signs-cnn", input=SCENE)
    app.choose("cam_method", "HiResCAM")
    app.choose("cam_method", "LayerCAM")
    context = browser.new_context()
    fresh = App(context.new_page(), address)
    fresh.page.goto(app.page.url)
    fresh.wait()
    said = [visitor.page.get_by_text(FAITHFUL).first.inner_text() for visitor in (app, fresh)]
    badges = [
        visitor.page.get_by_role("button", name=re.compile("Target sensitivity")).inner_text()
        for visitor in (app, fresh)
    ]
    assert said[0] == said[1]
    assert badges[0] == badges[1]
    context.close()
