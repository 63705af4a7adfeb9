"""The viewer in a real Chromium: it is moved by the keyboard, wiped, and read; and all viewers of a page move together."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

import explainers as ex
from explainers.render.scale import own_maps
from tests.support.app import CAMS
from tests.support.browser.driving import App

pytestmark = pytest.mark.browser

SCENE = "scene:1000050"


def frames(page: Page) -> Locator:
    """The pictures that have a map."""
    return page.get_by_role("img", name=re.compile("^Heat map"))


def placed(page: Page) -> list[str]:
    """How every picture with a map is moved and enlarged."""
    return frames(page).evaluate_all("all => all.map(e => e.querySelector('.stage').style.transform)")


def test_it_is_moved_by_keys_wiped_by_a_slider_and_says_the_value_under_the_cursor(app: App) -> None:
    app.open("grad_cam", input=SCENE, cam_strip="layer1")
    frame = frames(app.page).first
    frame.scroll_into_view_if_needed()
    a = ex.explain(ex.load_model("demo:signs-cnn"), ex.sample(SCENE).load(), "grad-cam")
    cells = own_maps(a)[0]
    rows, columns = cells.shape
    box = frame.bounding_box()
    assert box is not None
    said = app.page.locator(".value:visible").first
    for row, column in ((0, 0), divmod(int(cells.argmax()), columns), (rows - 1, 2)):
        app.page.mouse.move(
            box["x"] + (column + 0.5) / columns * box["width"], box["y"] + (row + 0.5) / rows * box["height"]
        )
        expect(said).to_contain_text(f"row {row}, column {column}")
        value = str(said.text_content()).split()[0].replace("−", "-")
        # Half precision of the largest value, and three digits.
        assert float(value) == pytest.approx(float(cells[row, column]), rel=2**-10 + 5e-3, abs=1e-6)

    frame.focus()
    app.page.keyboard.press("+")
    app.page.keyboard.press("+")
    assert "scale(2.25)" in placed(app.page)[0]
    before = placed(app.page)[0]
    app.page.keyboard.press("ArrowRight")
    assert placed(app.page)[0] != before
    app.page.keyboard.press("0")
    assert "scale(1)" in placed(app.page)[0]
    app.page.keyboard.press("Shift+ArrowDown")
    expect(said).to_contain_text("row")
    expect(said).to_have_attribute("aria-live", "polite")

    wipe = app.page.get_by_role("slider", name="Wipe between picture and map").first
    wipe.fill("25")
    drawn = frame.locator("img.drawn")
    assert "75%" in drawn.evaluate("e => e.style.clipPath")
    wipe.fill("100")
    assert drawn.evaluate("e => e.style.clipPath") == "none"


def test_cells_of_a_comparison_move_together_and_stay_when_the_page_is_drawn_anew(app: App) -> None:
    app.open("compare", model="demo:signs-cnn", input=SCENE, **CAMS)
    expect(frames(app.page)).to_have_count(9)
    frames(app.page).first.focus()
    app.page.keyboard.press("+")
    places = placed(app.page)
    assert len(set(places)) == 1
    assert "scale(1.5)" in places[0]
    app.toggle("compare_grey")
    assert placed(app.page) == places, "the view survives another drawing of the maps"
    app.page.get_by_role("button", name="Whole").first.click()
    assert all("scale(1)" in place for place in placed(app.page))
    box = frames(app.page).nth(4).bounding_box()
    assert box is not None
    app.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    said = app.page.locator(".value:visible").evaluate_all("all => all.map(e => e.textContent).filter(Boolean)")
    assert len(said) == 9, "every cell says its own value of the place under the cursor"
