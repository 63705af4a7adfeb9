"""When `make load` takes both pictures for standing: in a real browser, on pages made for it."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from playwright.sync_api import Page

from benchmarks.load import WATCH

pytestmark = pytest.mark.browser

DOT = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def image(left: int, source: str = DOT) -> str:
    return f'<img src="{source}" style="position:absolute;top:0;left:{left}px;width:200px;height:200px">'


@pytest.mark.parametrize(
    ("body", "pictures", "whole"),
    [
        (image(0) + image(300), True, True),
        (image(0) + f"<div><template shadowrootmode=open>{image(300)}</template></div>", True, True),
        (image(0) + image(300) + "<p data-testid=stSkeleton></p>", True, False),
        (image(0) + image(0), False, False),  # two layers of one picture
        (image(0) + image(300) + image(300, "http://127.0.0.1:9/no.png"), False, False),  # a layer that is not there
        (image(0) + '<p data-testid=stVegaLiteChart><canvas width=300 style="margin-left:400px"></canvas></p>', False, False),
    ],
)  # fmt: skip
def test_two_pictures_stand_when_all_their_layers_are_decoded(
    page: Page, body: str, pictures: bool, whole: bool
) -> None:
    page.add_init_script(WATCH)
    app = f"<div data-testid=stApp data-test-script-state=notRunning><div data-testid=stMain>{body}</div></div>"
    page.goto(f"data:text/html,{quote(app)}")
    page.wait_for_timeout(500)
    seen = page.evaluate("vitrineSeen")
    assert (seen["pictures"] is not None, seen["whole"] is not None) == (pictures, whole)
