"""The one rule for what takes long: a price first, then progress, a stop, and a new start."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from pages.common.app import session
from pages.common.app.selection import short_hash
from pages.common.run import confirm, long_work
from tests.support.app import opened

SCENE = "scene:1000050"


def working(name: str, seconds: float) -> None:
    """A script whose work is told from all others by its name; it says how often the work was done."""
    import streamlit as st

    import explainers as ex
    from pages.common.app.errors import sentences
    from pages.common.run.long_work import result_of

    def make(bar: object) -> str:
        st.text("made")
        return "what it makes"

    with sentences():
        st.success(result_of("Work", ("test", name), make, lambda: ex.Cost(100, 20, seconds)))
    st.caption("the page goes on")


def shown(app: AppTest) -> tuple[list[str], list[str], int]:
    """The buttons, the results, and how often the work was done."""
    assert app.caption[-1].value == "the page goes on"
    return [button.label for button in app.button], [element.value for element in app.success], len(app.text)


def test_short_work_starts_by_itself_and_is_done_once_for_all() -> None:
    app = AppTest.from_function(working, args=("short", 1.0)).run()
    assert shown(app) == ([], ["what it makes"], 1)
    again = AppTest.from_function(working, args=("short", 1.0)).run()
    assert shown(again) == ([], ["what it makes"], 0)


def test_long_work_waits_for_a_click_and_the_rest_of_the_page_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirm, "PATIENCE", 20.0)
    app = AppTest.from_function(working, args=("long", 21.0)).run()
    assert shown(app) == (["Start: 120 passes, about 21 s"], [], 0)
    app.button[0].click().run()
    assert shown(app) == ([], ["what it makes"], 1)


def test_stopped_work_says_so_and_starts_again_unasked() -> None:
    app = AppTest.from_function(working, args=("stopped", 1.0))
    app.session_state[session.stopped(short_hash(("test", "stopped"))).key] = True
    app.run()
    assert shown(app) == (["Start again"], [], 0)
    assert [info.value for info in app.info] == ["Stopped: Work."]
    app.button[0].click().run()
    assert shown(app) == ([], ["what it makes"], 1)


@pytest.mark.parametrize(
    ("page", "query"),
    [
        pytest.param("saliency", {"saliency_integrated_gradients_steps": "21"}, id="integrated gradients"),
        pytest.param("saliency", {"saliency_method": "SESS"}, id="a map in steps that is not drawn"),
        pytest.param("grad_cam", {"cam_method": "Score-CAM", "cam_strip_of_many": []}, id="Score-CAM"),
        pytest.param("perturbation", {"perturbation_rise_samples": "77", "perturbation_method": "RISE"}, id="RISE"),
        pytest.param("perturbation", {"perturbation_method": "Shapley values, exact"}, id="a map that is not drawn"),
        pytest.param("compare", {"compare_methods": ["integrated-gradients"]}, id="Compare"),
        pytest.param("weight_stats", {"model": "torchvision:squeezenet1_1", "weights": "random"}, id="weights"),
    ],
)
def test_every_page_with_long_work_asks_first(
    page: str, query: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confirm, "PATIENCE", 1e-9)
    app = opened(page, **{"model": "demo:signs-cnn", "input": "scene:1000041"} | query)
    (start,) = (button for button in app.button if button.label.startswith("Start"))
    assert not app.error
    assert not app.metric
    assert not app.get("vega_lite_chart")
    start.click().run()
    assert not app.error
    assert not [button for button in app.button if button.label.startswith("Start")]
    assert app.metric or app.dataframe


def test_a_few_passes_are_never_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirm, "PATIENCE", 1e-9)
    for page, query in {
        "": {},
        "relevance": {},
        "attention": {"model": "demo:signs-vit"},
        "grad_cam": {"cam_strip": []},
    }.items():
        app = opened(page, input=SCENE, **query)
        assert not [button for button in app.button if button.label.startswith("Start")], page
        assert not app.error
    assert long_work.FEW == 8
