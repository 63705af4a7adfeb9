"""Long work starts at a click that says what it takes; short work by itself."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from pages.common.run import confirm


def working(seconds: float, unasked: bool) -> None:
    """A script that counts how often prices are asked for, and says when its work may start."""
    import streamlit as st

    import explainers as ex
    from pages.common.run.confirm import Offer, confirmed

    def prices() -> list[ex.Cost]:
        st.text("asked")
        return [ex.Cost(1000, 20, seconds / 2), ex.Cost(500, 0, seconds / 2)]

    work = st.selectbox("Work", ["0123", "4567"])
    offer = Offer("Start: {passes} passes, about {time}", key="start", unasked=unasked)
    if confirmed(work, prices, offer):
        st.success("started")


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirm, "PATIENCE", 20.0)


def shown(app: AppTest) -> tuple[int, list[str], list[str]]:
    """How often prices were asked for, the buttons and captions, and whether work started."""
    return len(app.text), [button.label for button in app.button], [element.value for element in app.success]


def test_short_work_starts_by_itself() -> None:
    assert shown(AppTest.from_function(working, args=(20.0, True)).run()) == (1, [], ["started"])


def test_long_work_waits_for_a_click_and_is_then_no_longer_priced() -> None:
    app = AppTest.from_function(working, args=(21.0, True)).run()
    assert shown(app) == (1, ["Start: 1,520 passes, about 21 s"], [])
    assert [caption.value for caption in app.caption] == ["1,500 forward and 20 backward passes."]
    app.button(key="start").click().run()
    assert shown(app) == (0, [], ["started"])


def test_who_agreed_to_one_work_has_not_agreed_to_another() -> None:
    app = AppTest.from_function(working, args=(21.0, True)).run()
    app.button(key="start").click().run()
    app.selectbox[0].set_value("4567").run()
    assert shown(app)[2] == []
    app.selectbox[0].set_value("0123").run()
    assert shown(app)[2] == ["started"]


def test_what_is_always_asked_for_waits_however_short_it_is() -> None:
    assert shown(AppTest.from_function(working, args=(0.0, False)).run())[2] == []
