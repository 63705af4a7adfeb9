"""The perturbation page in a real Chromium."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser.driving import App, differ, query

pytestmark = pytest.mark.browser


def test_perturbation_controls(app: App) -> None:
    app.open("perturbation", input="scene:1000050")
    picture, patches, *_ = app.images()
    assert differ(picture, patches) > 5
    app.slide("perturbation_occlusion_patch", -20)
    assert differ(app.images()[1], patches) > 1
    app.choose("perturbation_occlusion_fill", "inpaint")
    app.choose("perturbation_method", "Feature ablation")
    regions, _, ablated, *_ = app.images()
    app.choose("perturbation_feature_ablation_segments", "grid")
    assert differ(app.images()[0], regions) > 1
    assert differ(app.images()[2], ablated) > 1
    parameters = query(app.page)
    assert parameters["perturbation_method"] == ["Feature ablation"]
    assert parameters["perturbation_feature_ablation_segments"] == ["grid"]
    app.choose("perturbation_method", "Occlusion")
    assert query(app.page)["perturbation_occlusion_fill"] == ["inpaint"], "a method's options wait for its return"


def test_a_map_sharpens_is_stopped_and_goes_on(app: App) -> None:
    app.page.goto(
        f"{app.address}/perturbation?model=torchvision:mobilenet_v3_small&weights=random&input=photo:chelsea&perturbation_method=RISE"
    )
    start = app.page.get_by_role("button", name="Start")
    stop = app.page.get_by_role("button", name="Stop here")
    expect(start.or_(stop).first).to_be_visible()
    if start.count():  # on a busy machine the work is predicted to be long
        start.click()
    expect(app.page.get_by_text("So far.")).to_be_visible()
    progress = app.page.get_by_text(re.compile(r"RISE · [\d,]+ passes · reliability"))
    expect(progress).to_be_visible()
    stop.click()
    app.wait()
    assert re.search(r"Stopped after \d+% of the work; nothing of it is lost", app.text())
    stopped = app.images()[1]
    app.choose("perturbation_sequential_colours" if app.widget("perturbation_sequential_colours").count() else
               "perturbation_diverging_colours", "purple-orange")  # fmt: skip
    assert re.search(r"Stopped after \d+%", app.text()), "another look at the map must not start the work again"
    app.page.get_by_role("button", name="Go on").click()
    expect(progress).to_be_visible()
    begun = progress.inner_text()
    expect(progress).not_to_have_text(begun)
    stop.click()
    app.wait()
    assert differ(app.images()[1], stopped) > 0.1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_regions_methods_in_both_themes(browser: Browser, address: str, scheme: str) -> None:
    page = browser.new_page(color_scheme=scheme)  # type: ignore[arg-type]
    app = App(page, address)
    app.open("perturbation", perturbation_method="KernelSHAP", perturbation_kernel_shap_samples=200)
    expect(page.get_by_text("Standard error of every value.")).to_be_attached()
    expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(2)  # what hiding does, and how the values are spread
    assert len(app.images()) == 4  # regions, picture, map, standard error
    assert app.complaints == []
    page.close()
