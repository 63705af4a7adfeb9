"""Long work in a real browser: it waits for a click, is stopped within a chunk, and can be started again."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.support.browser.driving import App

pytestmark = pytest.mark.browser


def test_score_cam_on_a_mobilenet_is_asked_for_stopped_and_offered_again(app: App) -> None:
    app.open(
        "grad_cam", model="torchvision:mobilenet_v2", weights="random", input="photo:coffee", cam_method="Score-CAM"
    )
    start = app.page.get_by_role("button", name="Start: 1,281 passes")
    expect(start).to_be_visible()
    start.click()
    stop = app.page.get_by_role("button", name="Stop", exact=True)
    expect(app.page.get_by_text("left", exact=False).filter(has_text="forward passes").first).to_be_visible()
    stop.click()
    expect(app.page.get_by_text("Stopped: Score-CAM.")).to_be_visible()
    expect(stop).to_have_count(0)
    app.wait()  # nothing runs any more: a second of it could not be missed
    again = app.page.get_by_role("button", name="Start again")
    again.click()
    expect(stop).to_be_visible()
    stop.click()
    expect(app.page.get_by_text("Stopped: Score-CAM.")).to_be_visible()
