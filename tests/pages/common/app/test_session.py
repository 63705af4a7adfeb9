"""What a session holds: private values in slots, widgets through accessors, and nothing past them."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

import pages

PAGES = Path(pages.__path__[0])


def slots() -> None:
    """A script that tells what is in a slot before and after it is set, and after it was taken."""
    import streamlit as st

    from pages.common.app import session

    slot = session.agreed("0123")
    values = [slot.get()]
    slot.set(True)
    values += [slot.get(), session.agreed("0123").get(), session.agreed("4567").get(), slot.take(), slot.get()]
    st.write(repr(values))


def widgets() -> None:
    """A script that sets a box before it is drawn, and tells what boxes hold and what the address names."""
    import streamlit as st

    from pages.common.app import session

    if session.widget_value("one value") is None:
        session.set_widget("one value", "b")
    st.selectbox("One value", ["a", "b"], key="one value")
    st.multiselect("Several", ["c", "d"], default=["d", "c"], key="several")
    st.write(repr([session.held_or_linked(key) for key in ("one value", "several", "undrawn")]))
    st.write(repr(sorted(session.held_or_linked_anywhere())))


def test_a_slot_is_empty_until_it_is_set_and_again_once_it_was_taken() -> None:
    app = AppTest.from_function(slots).run()
    assert app.markdown[0].value == repr([False, True, True, False, True, False])


def test_what_boxes_hold_comes_before_what_the_address_names() -> None:
    app = AppTest.from_function(widgets)
    app.query_params["undrawn"] = ["x", "y"]
    app.query_params["one value"] = "a"
    app.run()
    assert app.markdown[0].value == repr([["b", "a"], ["d", "c"], ["x", "y"]])
    assert app.markdown[1].value == repr(["b", "c", "d", "x", "y"])


def test_nothing_reaches_past_the_accessors() -> None:
    reaching = [path.name for path in PAGES.rglob("*.py") if "session_state" in path.read_text(encoding="utf-8")]
    assert reaching == ["session.py"]
