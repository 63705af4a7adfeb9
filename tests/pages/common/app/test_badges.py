"""A badge holds its colour, its sign, its words and its explanation."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def page() -> None:
    from pages.common.app.badges import badge, badge_row

    with badge_row():
        badge("Deletion [8 steps]", "orange", ":material/warning:", "The score falls slowly.")


def test_a_badge_keeps_its_explanation_behind_it() -> None:
    app = AppTest.from_function(page).run()
    assert not app.exception
    (popover,) = app.get("popover")
    assert popover.proto.popover.label == ":orange-badge[:material/warning: Deletion (8 steps)]"
    assert [element.value for element in app.markdown] == ["The score falls slowly."]
