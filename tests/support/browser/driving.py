"""Driving the app in a real Chromium: a server, a page, and what stands on it."""

from __future__ import annotations

import io
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlparse

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlparse(page.url).query)


def differ(image: Image.Image, other: Image.Image) -> float:
    """Mean difference of two pictures of one size, 0 to 255."""
    return float(np.abs(np.asarray(image, float) - np.asarray(other, float)).mean())


QUIET = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]

RUNNING = 120_000  # ms: a first run on a busy two-core machine


# When the browser and the server last said something to each other, and whether an answer is still to come.
LISTEN = """
(() => {
  const talk = window.vitrineTalk = {last: 0, unanswered: false};
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (...message) {
    if (!this.heard) {
      this.heard = true;
      this.addEventListener("message", () => Object.assign(talk, {last: performance.now(), unanswered: false}));
    }
    Object.assign(talk, {last: performance.now(), unanswered: true});
    return send.apply(this, message);
  };
})()
"""


# Whether the script has run, all of it is drawn (what loads its code first shows a skeleton meanwhile), and nothing follows. A
# widget waits for up to 200 ms before it tells the server, by a timer of the
# page: it comes before this look at the page, however slow the machine is. Ten seconds are for messages that nobody answers.
RESTED = """
() => {
  const now = performance.now(), app = document.querySelector("[data-testid=stApp]")?.dataset;
  const drawn = !document.querySelector("[data-testid=stSkeleton]");
  const idle = drawn && app?.testConnectionState === "CONNECTED" && app.testScriptState === "notRunning";
  if (!idle) vitrineTalk.last = now;
  return idle && now - vitrineTalk.last > (vitrineTalk.unanswered ? 10_000 : 400);
}
"""


class App:
    """One browser tab on the app."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.complaints: list[str] = []
        page.set_default_timeout(RUNNING)
        page.add_init_script(LISTEN)
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _listen(self, message: ConsoleMessage) -> None:
        # Opened at /saliency, Streamlit's own front end first asks for /saliency/_stcore/..., then for /_stcore/...
        own_search = "404" in message.text and "/_stcore/" in message.location.get("url", "")
        if message.type in ("error", "warning") and not own_search:
            self.complaints.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def open(self, path: str = "", **query: object) -> None:
        self.visit(f"{self.address}/{path}" + (f"?{urlencode(query, doseq=True)}" if query else ""))

    def visit(self, address: str) -> None:
        """Open an address and wait for the page's title, or for what it says instead."""
        self.page.goto(address)
        self.page.locator("[data-testid=stMain] h1, [data-testid=stMain] [data-testid=stAlert]").first.wait_for(
            timeout=RUNNING
        )
        self.wait()

    def wait(self) -> None:
        """Until the script has run and rested for a moment, and no exception stands on the page."""
        self.page.evaluate("vitrineTalk.last = performance.now()")
        self.page.wait_for_function(RESTED, polling=50, timeout=RUNNING)
        expect(self.page.get_by_test_id("stException")).to_have_count(0)

    def go(self, title: str) -> None:
        """To another page by the navigation: the section whose menu has it is opened first."""
        link = self.page.get_by_test_id("stTopNavDropdownLink").filter(has_text=title)
        for section in self.page.get_by_test_id("stTopNavSection").all():
            section.click()
            self.page.get_by_test_id("stTopNavPopoverBody").wait_for()
            if link.count():
                break
            self.page.keyboard.press("Escape")
        link.click()
        expect(self.page.get_by_role("heading", level=1)).to_be_visible()
        self.wait()

    def widget(self, key: str) -> Locator:
        return self.page.locator(f".st-key-{key}")

    def choose(self, key: str, option: str) -> None:
        """An option of a select box."""
        self.pick(key, option)
        self.wait()

    def dialog(self, kind: str) -> Locator:
        """Open a dialog of the sidebar: "gallery", "upload", "camera", "weights" or "labels"."""
        self.press(f"_open_{kind}", done=lambda: self.page.get_by_role("dialog").is_visible())
        return self.page.get_by_role("dialog")

    def take_picture(self, title: str) -> None:
        """A picture of the gallery."""
        self.dialog("gallery").get_by_role("button", name=title, exact=True).click()
        expect(self.page.get_by_role("dialog")).to_have_count(0)
        self.wait()

    def upload(self, kind: str, name: str, content: bytes) -> Locator:
        """A file in the dialog of its kind; returns the dialog, which stays where the file is refused."""
        dialog = self.dialog(kind)
        dialog.locator("input[type=file]").set_input_files(
            files=[{"name": name, "mimeType": "application/octet-stream", "buffer": content}]
        )
        self.wait()
        return dialog

    def pick(self, key: str, option: str) -> None:
        """An option of a select box, without waiting for what comes of it."""
        box = self.widget(key).get_by_role("combobox")
        box.click()
        box.fill(option)
        self.page.get_by_role("option", name=option, exact=True).first.click()

    def nudge(self, key: str) -> None:
        """Move a control a little, whatever its kind, without waiting for what comes of it."""
        control = self.widget(key)
        control.wait_for(timeout=RUNNING)
        if (slider := control.get_by_role("slider")).count():
            lowest = float(slider.input_value()) == float(slider.get_attribute("min") or 0)
            slider.press("ArrowRight" if lowest else "ArrowLeft")
        elif (box := control.get_by_role("combobox")).count():
            self._open(box)
            self.page.get_by_role("option", selected=False).first.click()
        elif (number := control.locator("input[type=number]")).count():
            number.fill(str(float(number.input_value()) + 1).removesuffix(".0"))
            number.press("Enter")
        elif (choice := control.get_by_role("radio", checked=False)).count():
            choice.first.click()
        else:
            control.locator("label").first.click()

    def _open(self, box: Locator) -> None:
        """Open a select box; one that is drawn anew meanwhile closes, and a person would click again."""
        option = self.page.get_by_role("option").first
        for _ in range(10):
            box.click()
            try:
                option.wait_for(timeout=3000)
            except PlaywrightTimeout:
                continue
            return

    def fill(self, key: str, text: str) -> None:
        """Type into a field."""
        field = self.widget(key).locator("input")
        field.fill(text)
        field.press("Enter")
        self.wait()

    def slide(self, key: str, presses: int) -> None:
        """Move a slider by the keyboard: right if positive, left if negative."""
        handle = self.widget(key).get_by_role("slider")
        handle.focus()
        for _ in range(abs(presses)):
            handle.press("ArrowRight" if presses > 0 else "ArrowLeft")
        self.wait()

    def press(self, key: str, done: Callable[[], bool]) -> None:
        """Press a button until what it does has come: a press while the page is drawn anew is lost, and a person presses again."""
        for _ in range(4):
            self.widget(key).get_by_role("button").click()
            self.wait()
            if done():
                return
        raise AssertionError(f"The button {key} was pressed in vain.")

    def toggle(self, key: str) -> None:
        self.widget(key).locator("label").first.click()
        self.wait()

    def text(self) -> str:
        return self.page.get_by_test_id("stMain").inner_text()

    def images(self, least: int = 1) -> list[Image.Image]:
        """The pictures in the main part, as the browser got them, once there are at least so many."""
        # Those of the viewer, with its map where it has one, and plain ones.
        pictures = self.page.get_by_test_id("stMain").locator("[data-testid=stImage] img, img.shown")
        pictures.nth(least - 1).wait_for(timeout=RUNNING)
        read = "all => Promise.all(all.map(e => e.decode().then(() => e.src)))"
        # All in one look, until two looks agree: meanwhile the page may be drawn anew.
        sources, before = pictures.evaluate_all(read), None
        while sources != before:
            self.page.wait_for_timeout(150)
            sources, before = pictures.evaluate_all(read), sources
        contents = [b64decode(source.split(";base64,")[1]) for source in sources]
        return [Image.open(io.BytesIO(content)).convert("RGB") for content in contents]

    def download(self, button: str, nth: int = 0) -> tuple[str, bytes]:
        """Press a download button; returns the suggested name and the bytes."""
        menu = self.page.get_by_role("button", name="Download", exact=True)
        if self.page.get_by_test_id("stDownloadButton").filter(has_text=button).count() <= nth and menu.count():
            menu.first.click()  # what a map can be taken away as stands in a menu
        with self.page.expect_download() as waiting:
            self.page.get_by_test_id("stDownloadButton").filter(has_text=button).nth(nth).locator(
                "button"
            ).first.click()
        return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()

    def code(self) -> str:
        """The code that makes the view: from the tab of a map, or from the first expander that has it."""
        tab = self.page.get_by_role("tab", name="Code", exact=True)
        (tab if tab.count() else self.page.get_by_text("The code that makes this")).first.click()
        block = self.page.get_by_test_id("stCode").locator("visible=true").first
        block.wait_for()
        return block.inner_text()


@contextmanager
def a_visitor(browser: Browser, address: str) -> Iterator[App]:
    """Somebody else at the app, in a browser with nothing in its caches."""
    context = browser.new_context(viewport={"width": 1400, "height": 950})
    yield App(context.new_page(), address)
    context.close()
