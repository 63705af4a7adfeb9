"""What a screen reader is to say reaches the page, with what it is about."""

from __future__ import annotations

import json

from streamlit.testing.v1 import AppTest


def page() -> None:
    from pages.common.app.announce import announce

    announce("Grad-CAM of stop is there.", of="4f2a")


def test_an_announcement_says_its_words_and_what_they_are_about() -> None:
    app = AppTest.from_function(page).run()
    assert not app.exception
    (component,) = app.get("bidi_component")
    assert json.loads(component.proto.json) == {
        "words": "Grad-CAM of stop is there.",
        "of": "4f2a Grad-CAM of stop is there.",
    }
