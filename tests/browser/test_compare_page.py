"""Compare in a real browser: the grid, the pin, the difference, the downloads, and the address of it all."""

from __future__ import annotations

import io

import pandas as pd
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.driving import RUNNING, App

pytestmark = pytest.mark.browser

SCENE = "scene:1000050"


def test_grid_pin_difference_and_downloads(app: App) -> None:
    app.open("compare", model="demo:signs-cnn", input=SCENE)
    pictures = app.images()
    assert len(pictures) == 10  # nine cells and the difference
    app.widget("compare_pin_1_1").get_by_role("button").click()
    app.wait()
    expect(app.widget("compare_pin_1_1").get_by_role("button")).to_be_disabled()
    app.choose("compare_b", "hires-cam · layer4")
    assert "each map was divided by its largest absolute value first" in app.text()
    assert app.images()[-1].tobytes() != pictures[-1].tobytes()
    name, content = app.download("CSV")
    table = pd.read_csv(io.BytesIO(content))
    assert name == "vitrine-compare.csv"
    assert len(table) == 9
    assert table["rank correlation with reference"][4] == pytest.approx(1)
    name, content = app.download("PNG")
    assert name == "vitrine-compare.png"
    assert Image.open(io.BytesIO(content)).width > 3 * 220
    address = app.page.url
    assert "compare_reference" in address
    app.widget("compare_check").get_by_role("button").click()
    app.page.get_by_text("Check all maps").wait_for(state="detached", timeout=RUNNING)
    app.wait()
    expect(app.page.get_by_test_id("stVegaLiteChart")).to_have_count(2)
    app.visit(address)
    expect(app.widget("compare_pin_1_1").get_by_role("button")).to_be_disabled()
