"""The shell in a real Chromium: menus at the top, a sidebar that needs no scrolling, and dialogs that refuse what is of no use."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

import explainers as ex
from tests.support.browser.driving import App, differ, query

pytestmark = pytest.mark.browser

LAPTOP = {"width": 1280, "height": 720}


@pytest.fixture
def small(browser: Browser, address: str) -> Iterator[App]:
    """The app in the window of a small laptop."""
    context = browser.new_context(viewport=LAPTOP)  # type: ignore[arg-type]
    app = App(context.new_page(), address)
    yield app
    assert app.complaints == []
    context.close()


def photo() -> bytes:
    buffer = io.BytesIO()
    ex.sample("photo:coffee").load().save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"model": "torchvision:squeezenet1_1", "weights": "random"},
        {"model": "torchvision:squeezenet1_1", "weights": "random", "target": "a channel of a layer"},
    ],
)
def test_all_that_is_chosen_in_the_sidebar_is_seen_without_scrolling(small: App, chosen: dict[str, str]) -> None:
    small.open("", input="scene:1000013", **chosen)  # whose title is the longest of the gallery's
    controls = small.page.get_by_test_id("stSidebar").locator("button, input, [role=combobox]").locator("visible=true")
    boxes = [control.bounding_box() for control in controls.all()]
    bottoms = [box["y"] + box["height"] for box in boxes if box is not None]
    assert len(bottoms) >= 8
    assert max(bottoms) <= LAPTOP["height"]


def test_every_page_is_in_a_menu_at_the_top(small: App) -> None:
    small.open()
    for title, heading in (
        ("Grad-CAM", "Grad-CAM"),
        ("Compare", "Compare"),
        ("Weight statistics", "Weight statistics"),
    ):
        small.go(title)
        expect(small.page.get_by_role("heading", level=1)).to_have_text(heading)
    expect(small.page.get_by_test_id("stSidebarNavLink")).to_have_count(0)


def test_the_gallery_by_keyboard(small: App) -> None:
    small.open()
    before = small.images()[0]
    small.widget("_open_gallery").get_by_role("button").focus()
    small.page.keyboard.press("Enter")
    dialog = small.page.get_by_role("dialog")
    rocket = dialog.get_by_role("button", name="A rocket at its launch")
    rocket.wait_for()
    small.wait()
    assert dialog.get_by_role("button", name="Stop", exact=True).get_attribute("aria-current") == "true"
    for _ in range(30):
        small.page.keyboard.press("Tab")
        if rocket.evaluate("button => button.getRootNode().activeElement === button"):
            break
    assert rocket.evaluate("button => getComputedStyle(button).outlineStyle") == "solid", "the focus is seen"
    small.page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    small.wait()
    assert query(small.page)["input"] == ["photo:rocket"]
    assert differ(small.images()[0], before) > 5


@pytest.mark.parametrize(
    ("name", "content"),
    [("notes.png", b"these are no pixels"), ("cut.jpg", photo()[:2000]), ("empty.gif", b"")],
)
def test_a_bad_picture_is_refused_in_the_dialog_and_the_page_lives(app: App, name: str, content: bytes) -> None:
    app.open()
    before = app.images()[0]
    dialog = app.upload("upload", name, content)
    alert = dialog.get_by_test_id("stAlertContentError")
    expect(alert).to_have_count(1)
    assert name in alert.inner_text()
    assert "Traceback" not in alert.inner_text()
    app.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(app.page.get_by_test_id("stAlert")).to_have_count(0)
    assert differ(app.images()[0], before) == 0
    expect(app.dialog("upload").get_by_test_id("stAlert")).to_have_count(0)
    app.page.keyboard.press("Escape")
    app.take_picture("A rocket at its launch")
    assert differ(app.images()[0], before) > 5


def test_labels_are_refused_or_taken_in_their_dialog(app: App) -> None:
    app.open()
    dialog = app.upload("labels", "two.txt", b"a\nb\n")
    expect(dialog.get_by_test_id("stAlertContentError")).to_contain_text(
        "two.txt has 2 labels, but the model has 12 outputs."
    )
    dialog.locator("input[type=file]").set_input_files(
        files=[
            {"name": "twelve.txt", "mimeType": "text/plain", "buffer": b"\n".join(b"sign %d" % n for n in range(12))}
        ]
    )
    expect(dialog).to_have_count(0)
    app.wait()
    assert "sign 0" in app.text()
    app.go("Saliency")
    assert "sign 0" in app.text()
    app.visit(app.page.url)
    assert "sign 0" in app.text()
    assert "labels='twelve.txt'" in app.code()


def test_the_real_limit_is_said_where_a_file_is_asked_for(app: App) -> None:
    app.open(model="torchvision:squeezenet1_1", weights="random")
    for kind, limit in (("upload", "50MB"), ("weights", "1GB"), ("labels", "8MB")):
        expect(app.dialog(kind)).to_contain_text(f"{limit} per file")
        app.page.keyboard.press("Escape")


def test_back_brings_the_picture_back(app: App) -> None:
    app.open(input="photo:coffee")
    before = app.images()[0]
    app.take_picture("A rocket at its launch")
    app.page.go_back()
    expect(app.page).to_have_url(f"{app.address}/?input=photo%3Acoffee")
    app.wait()
    assert differ(app.images()[0], before) == 0
