"""The guided story in a real browser, from the first step to the last and back by its address."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.support.browser.driving import App

pytestmark = pytest.mark.browser


def test_the_story_is_told_in_three_steps(app: App) -> None:
    app.open("story", story_scene="scene:1000041+sticker")
    assert "demo:signs-shortcut answers speed limit 30, demo:signs-cnn answers speed limit 80" in app.text()
    app.widget("story_next").get_by_role("button").click()
    app.wait()
    assert len(app.images()) == 8  # four maps of two networks
    app.widget("story_next").get_by_role("button").click()
    app.wait()
    assert "The answer changes: speed limit 30, then speed limit 80." in app.text()
    assert "The answer stays: speed limit 80." in app.text()
    expect(app.widget("story_next").get_by_role("button")).to_be_disabled()
    address = app.page.url
    app.widget("story_back").get_by_role("button").click()
    app.wait()
    assert len(app.images()) == 8
    app.visit(address)
    assert "Not only here" in app.text()
