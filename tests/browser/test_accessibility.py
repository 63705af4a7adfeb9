"""Nobody is shut out: axe-core's rules of WCAG 2.2 AA on every page in both themes, and every control by the Tab key.

A failure names page, theme, rule and element. To see one: `make browser run`, open the page, and run axe in the browser's tools;
or `.venv/bin/python -m pytest tests/browser/test_accessibility.py -k PAGE`.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser.accessibility import Finding, Known, examine, faults, tab_through
from tests.support.browser.axe import AxeMissingError, fetch, unpack
from tests.support.browser.driving import App

pytestmark = pytest.mark.browser

PAGES: dict[str, tuple[str, dict[str, str]]] = {
    "overview": ("", {}),
    "story": ("story", {}),
    "saliency": ("saliency", {}),
    "grad_cam": ("grad_cam", {}),
    "perturbation": ("perturbation", {}),
    "attention": ("attention", {"model": "demo:signs-vit"}),
    "relevance": ("relevance", {}),
    "compare": ("compare", {}),
    "weight_stats": ("weight_stats", {}),
}

SCHEMES = ("light", "dark")

DIALOGS = ("Gallery", "Upload", "Camera")

OPEN = "[data-testid=stDialog] [role=dialog], [data-testid=stPopoverBody]"

KNOWN: tuple[Known, ...] = ()
"""Nothing at present; an entry is `Known("list", "stSidebarNav", "Streamlit keeps the links of its navigation in divs.")`."""


def dress(page: Page, scheme: str) -> None:
    """Change the theme of an open page, as the system's setting does; until its ground has changed."""
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.wait_for_function(
        """dark => {
          const ground = getComputedStyle(document.querySelector("[data-testid=stApp]")).backgroundColor;
          return (Number(ground.match(/\\d+/)[0]) < 60) === dark;
        }""",
        arg=scheme == "dark",
    )
    page.wait_for_timeout(400)  # colours fade into one another, and charts are drawn anew


def listed(page: str, scheme: str, findings: list[Finding]) -> str:
    return f"{len(findings)} findings on {page}, {scheme} theme:\n" + "\n".join(map(str, findings))


@pytest.mark.parametrize("name", PAGES)
def test_every_page_can_be_used_by_everybody(app: App, name: str) -> None:
    """One visit for all of it: the Tab key on the page as it opens; then axe-core with every expander open, in both themes."""
    path, query = PAGES[name]
    app.open(path, **query)
    tour = tab_through(app.page)
    assert len(tour.reached) > 10
    assert not tour.missed, f"On {name}, Tab never reaches:\n" + "\n".join(tour.missed)
    assert not tour.unmarked, f"On {name}, nothing shows that Tab is on:\n" + "\n".join(tour.unmarked)
    app.page.evaluate("document.querySelectorAll('details:not([open]) > summary').forEach(e => e.click())")
    app.wait()
    for scheme in SCHEMES:
        dress(app.page, scheme)
        hard = faults(examine(app.page))
        unknown = [finding for finding in hard if not any(known.covers(finding) for known in KNOWN)]
        assert not unknown, listed(name, scheme, unknown)
        for known in (known for known in KNOWN if known.stands_on(name)):
            assert any(known.covers(finding) for finding in hard), f"{known} is mended on {name}: delete the entry"


def test_what_opens_over_the_page(app: App) -> None:
    """The dialogs of the sidebar, which is the same on every page, and a badge's explanation."""
    app.open("grad_cam")
    sidebar = app.page.get_by_test_id("stSidebar")
    doors = [sidebar.get_by_role("button", name=name) for name in DIALOGS]
    doors.append(app.page.get_by_test_id("stMain").get_by_test_id("stPopoverButton").first)
    for scheme in SCHEMES:
        dress(app.page, scheme)
        for door, name in zip(doors, (*DIALOGS, "badge"), strict=True):
            door.click()
            opened = app.page.locator(OPEN)
            expect(opened).to_be_visible()
            app.wait()
            hard = faults(examine(app.page, OPEN))
            assert not hard, listed(f"grad_cam, {name}", scheme, hard)
            app.page.keyboard.press("Escape")
            expect(opened).to_have_count(0)
            app.wait()


def test_another_axe_than_the_pinned_one_is_not_used(tmp_path: Path) -> None:
    package, script = tmp_path / "axe.tgz", tmp_path / "axe.min.js"
    package.write_bytes(b"something else")
    with pytest.raises(AxeMissingError, match="checksum"):
        unpack(package, script)
    assert not script.exists()


def test_without_npm_a_sentence_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AxeMissingError, match="install Node"):
        fetch(tmp_path)
