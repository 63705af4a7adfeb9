"""Badges and announcements in a real browser, on a page of their own: by the keyboard alone, and for who listens."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.support.browser.accessibility import examine, faults, tab_through
from tests.support.browser.driving import App
from tests.support.browser.server import ROOT, serve

pytestmark = pytest.mark.browser

SCRIPT = """
import streamlit as st

from pages.common.app.announce import announce
from pages.common.app.badges import badge, badge_row
from pages.common.app.looks import looks

looks()
st.title("Badges")
number = st.number_input("Map", 1)
with badge_row():
    badge("Energy inside 0.63", "green", ":material/check:", "63 % of it lies **inside** the marked region.")
    badge("Deletion [steps] 0.41", "orange", ":material/warning:", "The score falls as slowly as in random orders.")
    for colour in ("red", "blue", "gray"):
        badge(f"A {colour} badge", colour, ":material/info:", "Neither good nor bad.")
announce("A map is there.", of=str(number))
"""

REGION = "#vitrine-live-region"


@pytest.fixture(scope="module")
def badges_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("badges")
    (folder / "badges.py").write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process, address = serve(folder / "log", environment, script=str(folder / "badges.py"))
    yield address
    process.terminate()
    process.wait(10)


@pytest.fixture
def badges(context: BrowserContext, badges_address: str) -> Iterator[App]:
    driven = App(context.new_page(), badges_address)
    driven.open()
    yield driven
    assert driven.complaints == []
    driven.page.close()


def test_badges_explain_themselves_to_the_keyboard(badges: App) -> None:
    page = badges.page
    explanation = page.get_by_test_id("stPopoverBody")
    page.get_by_role("spinbutton", name="Map").focus()
    for words in ("63 % of it lies inside the marked region.", "The score falls as slowly as in random orders."):
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(explanation).to_have_text(words)
        assert faults(examine(page)) == []
        page.keyboard.press("Escape")
        expect(explanation).to_have_count(0)
    expect(page.locator(":focus")).to_contain_text("Deletion (steps) 0.41")


def test_a_row_of_badges_is_compact_and_each_is_large_enough_to_be_hit(badges: App) -> None:
    boxes = [button.bounding_box() for button in badges.page.get_by_test_id("stPopoverButton").all()]
    assert len(boxes) == 5
    assert all(box is not None and 24 <= box["height"] <= 32 and box["width"] >= 24 for box in boxes)
    assert len({box["y"] for box in boxes if box is not None}) == 1
    tour = tab_through(badges.page)
    assert not tour.missed
    assert not tour.unmarked
    for scheme in ("light", "dark"):
        badges.page.emulate_media(color_scheme=scheme)
        badges.page.wait_for_timeout(400)
        assert faults(examine(badges.page)) == []


def test_what_has_appeared_is_said_once_in_a_region_that_was_there_before(badges: App) -> None:
    page = badges.page
    region = page.locator(REGION)
    expect(region).to_have_text("A map is there.")
    expect(region).to_have_role("status")
    expect(region).to_have_attribute("aria-live", "polite")
    page.evaluate(
        f"""() => {{
          const region = window.before = document.querySelector("{REGION}");
          window.said = [];
          new MutationObserver(() => region.textContent && said.push(region.textContent)).observe(region, {{childList: true}});
        }}"""
    )
    page.emulate_media(color_scheme="dark")  # draws everything anew, and says nothing
    page.wait_for_timeout(600)
    assert page.evaluate("said") == []
    field = page.get_by_role("spinbutton", name="Map")
    field.fill("2")
    field.press("Enter")
    page.wait_for_function("said.length > 0")
    badges.wait()
    assert page.evaluate("said") == ["A map is there."], "the same words about another map, said once"
    assert page.evaluate(f"before === document.querySelector('{REGION}')")


def test_an_announcement_takes_no_room(badges: App) -> None:
    expect(badges.widget("announcement")).to_have_css("position", "absolute")
