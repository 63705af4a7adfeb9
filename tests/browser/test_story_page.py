"""The guided story in a real browser, from the first step to the last and back by its address."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.support.browser.driving import App

pytestmark = pytest.mark.browser


def test_the_story_is_told_in_three_steps(app: App) -> None:
    app.open("story", story_scene="scene:1000041+sticker")
    assert "The sign says speed limit 80: network A answers speed limit 30" in app.text()
    app.widget("story_next").get_by_role("button").click()
    app.wait()
    assert len(app.images()) == 8  # four maps of two networks
    app.widget("story_next").get_by_role("button").click()
    app.wait()
    assert "network A goes from speed limit 30 to speed limit 80 and network B stays with speed limit 80" in app.text()
    expect(app.widget("story_next").get_by_role("button")).to_be_disabled()
    address = app.page.url
    app.widget("story_back").get_by_role("button").click()
    app.wait()
    assert len(app.images()) == 8
    app.visit(address)
    assert "Not only here" in app.text()


def test_a_presentation_is_stepped_and_left_by_keys(app: App) -> None:
    app.open("story", story_scene="scene:1000041+sticker", story_present="true")
    header, choices = app.page.get_by_test_id("stHeader"), app.widget("story_choices")
    expect(choices).to_be_hidden()
    expect(header).to_be_hidden()
    app.page.keyboard.press("ArrowRight")
    app.wait()
    assert "On the sticker" in app.text()
    app.page.keyboard.press("ArrowLeft")
    app.wait()
    assert "The sign says" in app.text()
    app.page.keyboard.press("Escape")
    app.wait()
    expect(choices).to_be_visible()
    assert "story_present" not in app.page.url
