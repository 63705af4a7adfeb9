"""Pictures to choose from, as the component gets them."""

from __future__ import annotations

import json

from streamlit.testing.v1 import AppTest


def shown() -> None:
    from pages.common.sidebar.gallery import Item, gallery

    items = [Item("a", "The first", b"\x89PNG one"), Item("b", "The second", b"\xff\xd8 two")]
    gallery("Pictures", items, "b", "pictures", lambda name: None)


def test_every_picture_has_its_title_and_the_present_one_is_marked() -> None:
    app = AppTest.from_function(shown).run()
    assert not app.exception
    (component,) = app.get("bidi_component")
    data = json.loads(component.proto.json)
    assert data["label"] == "Pictures"
    assert [(item["name"], item["title"], item["current"]) for item in data["items"]] == [
        ("a", "The first", False),
        ("b", "The second", True),
    ]
    assert [item["picture"].partition(";")[0] for item in data["items"]] == ["data:image/png", "data:image/jpeg"]
