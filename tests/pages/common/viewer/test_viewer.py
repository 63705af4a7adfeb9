"""The viewer on a page, as far as no browser is needed: tests/browser/test_viewer.py looks at the rest."""

from __future__ import annotations

import pytest
from streamlit.errors import StreamlitAPIException
from streamlit.testing.v1 import AppTest

from pages.common.viewer import viewer
from pages.common.viewer.viewer import CSS, HTML, JS


def page() -> None:
    from pages.common.viewer.payload import Seen
    from pages.common.viewer.viewer import show, show_controls

    for _ in range(2):
        show(Seen("The same words", b"\xff\xd8\xff"))
    show_controls()


def test_two_pictures_with_the_same_words_can_stand_on_one_page() -> None:
    app = AppTest.from_function(page).run()
    assert not app.exception
    assert len(app.get("bidi_component")) == 3


def test_a_plain_picture_stands_where_the_viewer_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise StreamlitAPIException("no such component")

    monkeypatch.setattr(viewer, "MOUNT", refuse)
    app = AppTest.from_function(page).run()
    assert not app.exception
    assert len(app.image) == 2


def test_every_part_that_the_script_looks_for_is_there() -> None:
    names = [
        "viewer",
        "frame",
        "stage",
        "picture",
        "drawn",
        "edge",
        "cross",
        "bar",
        "zoom",
        "wipe",
        "value",
        "in",
        "out",
        "whole",
    ]
    assert all(f'class="{name}"' in HTML for name in names)
    assert all("\n" in text for text in (HTML, CSS, JS)), "else Streamlit takes it for the name of a file"
