"""Every control that the forms make, in a real Chromium: moved once, it must reach the server and the address."""

from __future__ import annotations

import io
import itertools
import re
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

import explainers as ex
from pages.common.result.options_form import option_key
from tests.support.browser.driving import RUNNING, App, differ, query
from tests.support.browser.server import ROOT

pytestmark = pytest.mark.browser

SCENE = "scene:1000050"
FAMILIES = {
    "saliency": ("saliency", "demo:signs-cnn"),
    "grad_cam": ("cam", "demo:signs-cnn"),
    "perturbation": ("perturbation", "demo:signs-cnn"),
    "attention": ("attention", "demo:signs-vit"),
}


def in_address(app: App, *keys: str, timeout: int = RUNNING) -> None:
    """Wait until the address holds all of these parameters."""
    for key in keys:
        expect(app.page).to_have_url(re.compile(rf"[?&]{re.escape(key)}="), timeout=timeout)


def move(app: App, key: str) -> None:
    """Move a control until the address holds it: a key pressed while the form is drawn anew is lost, and a person presses again."""
    for _ in range(4):
        app.nudge(key)
        with suppress(AssertionError):
            in_address(app, key, timeout=RUNNING // 4)
            return
    in_address(app, key)


@pytest.mark.parametrize("path", FAMILIES)
def test_every_option_can_be_moved(app: App, path: str) -> None:
    """Every option that a family's methods have, at the first method that has it: they are made by the same few lines,
    and tests/pages looks at all of them. Those of the Relevance page are moved by its own test."""
    key, spec = FAMILIES[path]
    app.open(path, model=spec, input=SCENE, cam_strip="layer4")
    moved: set[str] = set()
    for method in (method for method in ex.methods(ex.load_model(spec)) if method.family == key):
        fresh = method.options.model_fields.keys() - moved - {"block", "head"}  # these two are the page's own
        if fresh:
            app.pick(f"{key}_method", method.title)
            app.widget(option_key(key, method.name, min(fresh))).wait_for()
            app.page.wait_for_timeout(
                500
            )  # until the form stands still; its map may take longer, and is not waited for
        for name in sorted(fresh):
            move(app, option_key(key, method.name, name))
        moved |= fresh
    app.wait()
    expect(app.page.get_by_test_id("stMain").get_by_test_id("stAlertContentError")).to_have_count(0)


def test_the_own_controls_of_the_attention_page(app: App) -> None:
    app.open("attention", model="demo:signs-vit", input=SCENE, attention_method="Attention of one layer")
    mean = app.images()[1]
    app.choose("attention_head", "2")
    single_head = app.images()[1]
    assert differ(single_head, mean) > 0.5
    app.choose("attention_block", "1 · blocks.1.attn")
    assert differ(app.images()[1], single_head) > 0.5
    assert query(app.page)["attention_head"] == ["2"]
    assert query(app.page)["attention_block"] == ["1 · blocks.1.attn"]
    app.page.get_by_text("Distances as a table").click()
    expect(app.page.get_by_test_id("stDataFrame").last).to_be_visible()


VIEWS = {
    "perturbation": ("perturbation", "feature-ablation", {"perturbation_method": "Feature ablation"}),
    "relevance": ("relevance", "lrp-epsilon-plus-flat", {}),
    "attention": ("attention", "transformer-attribution", {"model": "demo:signs-vit"}),
    "grad_cam": ("cam", "grad-cam", {}),
}


@pytest.mark.parametrize("path", VIEWS)
def test_views_and_downloads(app: App, path: str) -> None:
    """What saliency's own test does at length: the same panel, on the other pages."""
    key, name, parameters = VIEWS[path]
    method = ex.find_method(name)
    app.open(path, input=SCENE, **parameters)
    array = np.load(io.BytesIO(app.download("NPY")[1]))
    model = ex.load_model(parameters.get("model", "demo:signs-cnn"))
    expected = ex.explain(model, ex.sample(SCENE).load(), name).values.numpy()
    np.testing.assert_allclose(array, expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max())
    assert Image.open(io.BytesIO(app.download("Picture, map and words")[1])).width > 600
    assert len(app.download("Table (CSV)")[1].decode().splitlines()) == 1 + array.shape[-2]

    places = 2 if path == "perturbation" else 1  # the regions stand before the picture
    seen = [app.images()[places]]
    if method.signed:
        app.nudge(f"{key}_view")
        in_address(app, f"{key}_view")
        app.nudge(f"{key}_fold")
        in_address(app, f"{key}_fold")
    for control in ("sequential_colours", "opacity", "fixed"):
        app.nudge(f"{key}_{control}")
        in_address(app, f"{key}_{control}")
    app.wait()
    seen.append(app.images()[places])
    # The map's own, with which it begins, leaves out a few extremes and is never more than the largest value.
    app.fill(f"{key}_limit", f"{float(np.abs(array).max()) * 3:.2g}")
    assert f"{key}_limit" in query(app.page)
    seen.append(app.images()[places])
    assert all(differ(before, after) > 0.5 for before, after in itertools.pairwise(seen))
    app.page.get_by_role("tab", name="Numbers").click()
    app.page.get_by_text("Numbers as a table").first.click()
    expect(app.page.get_by_test_id("stDataFrame").locator("visible=true").first).to_be_visible()


def test_a_channel_of_a_layer_is_chosen_in_the_sidebar(app: App) -> None:
    app.open("saliency", input=SCENE, saliency_method="Gradient")
    seen = [app.images()[1]]

    def changed() -> None:
        now = app.images()[1]
        assert differ(now, seen[-1]) > 0.1
        seen.append(now)

    app.choose("target", "a channel of a layer")
    expect(app.widget("against")).to_have_count(0)
    changed()
    app.choose("target_layer", "layer2.0.relu1")
    changed()
    app.nudge("channel")
    app.wait()
    changed()
    app.fill("channel_place", "5, 6")
    changed()
    assert "channel 1 of layer2.0.relu1 at (5, 6)" in app.text()
    assert 'ex.ChannelTarget("layer2.0.relu1", 1, (5, 6))' in app.code()
    parameters = {name: query(app.page)[name] for name in ("target", "target_layer", "channel", "channel_place")}
    assert parameters == {
        "target": ["a channel of a layer"],
        "target_layer": ["layer2.0.relu1"],
        "channel": ["1"],
        "channel_place": ["5, 6"],
    }
    app.visit(app.page.url)
    assert differ(app.images()[1], seen[-1]) == 0
    app.fill("channel_place", "5, 600")
    (alert,) = app.page.get_by_test_id("stAlert").all()
    assert "lies outside layer 'layer2.0.relu1'" in alert.inner_text()
    app.fill("channel_place", "")
    app.go("Grad-CAM")
    assert "channel 1 of layer2.0.relu1 at layer2.0.relu1" in app.text()


def test_long_work_waits_for_a_click(app: App) -> None:
    app.open(
        "perturbation",
        model="demo:signs-vit",
        perturbation_method="Shapley values, exact",
        perturbation_shapley_regions=16,
    )
    start = app.page.get_by_role("button", name=re.compile(r"Start: 65,53\d passes, about \d+"))
    expect(start).to_be_visible()
    assert app.page.get_by_test_id("stMetric").count() == 0
    start.click()
    expect(app.page.get_by_test_id("stProgress")).to_be_visible()
    app.go("Weight statistics")  # which ends the work


def test_doors_and_drawers_of_the_other_pages(app: App) -> None:
    app.open()
    for words in ("Numbers as a table", "The code that makes this"):
        app.page.get_by_test_id("stMain").get_by_text(words).click()
    expect(app.page.get_by_test_id("stDataFrame")).to_be_visible()
    expect(app.page.get_by_test_id("stCode")).to_be_visible()
    links = app.page.get_by_test_id("stPageLink-NavLink")
    titles = (
        "Saliency",
        "Grad-CAM",
        "Perturbation",
        "Attention",
        "Relevance",
        "Compare",
        "A story",
        "Weight statistics",
    )
    expect(links).to_have_text([re.compile(title) for title in titles])
    links.last.click()
    expect(app.page.get_by_role("heading", level=1)).to_have_text("Weight statistics")
    app.wait()
    app.page.get_by_text("What these numbers say, and what they do not").click()
    expect(app.page.get_by_text("The power-law exponent is fitted")).to_be_visible()
    weights = ROOT / "explainers" / "demo" / "weights" / "signs-shortcut.safetensors"
    app.widget("weights_other_file").locator("input[type=file]").set_input_files(weights)
    app.wait()
    name, content = app.download("CSV", nth=1)  # the first is that of all tensors
    assert name.startswith("vitrine-compare-")
    table = ex.compare(ex.load_model("demo:signs-cnn"), ex.load_model("demo:signs-shortcut"))
    assert len(content.decode().splitlines()) == 1 + len(table)
