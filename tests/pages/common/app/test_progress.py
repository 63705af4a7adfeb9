"""Bars of progress: there while work takes its time, gone afterwards, however it ended."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import explainers as ex
from pages.common.app import progress
from tests.support.app import opened


def working(then: str) -> None:
    """A script whose work ends or fails after its bar was told of it."""
    from pages.common.app.errors import sentences
    from pages.common.app.progress import progress_bar

    with sentences(), progress_bar("Maps") as bar:
        bar(0.25, "the first of four")
        if then == "fails":
            raise RuntimeError


def bars(app: AppTest) -> list[str]:
    return [bar.proto.text for bar in app.get("progress")]


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, str]]:
    """Bars appear without delay; the list tells what was drawn."""
    drawn: list[tuple[float, str]] = []
    draw = progress.DeltaGenerator.progress

    def draw_and_note(slot: Any, share: float, text: str) -> Any:
        drawn.append((share, text))
        return draw(slot, share, text=text)

    monkeypatch.setattr(progress, "PATIENCE", -1.0)
    monkeypatch.setattr(progress.DeltaGenerator, "progress", draw_and_note)
    return drawn


@pytest.mark.parametrize("then", ["ends", "fails"])
def test_no_bar_is_left_however_the_work_ends(then: str, at_once: list[tuple[float, str]]) -> None:
    app = AppTest.from_function(working, args=(then,)).run()
    assert at_once == [(0.25, "Maps · the first of four")]
    assert len(app.error) == (then == "fails")
    assert bars(app) == []


@pytest.mark.parametrize(
    ("share", "elapsed", "whole", "words"),
    [
        (0.25, 4.0, 1.0, " · about 12 s left"),
        (0.25, 4.0, 0.5, " · about 4.0 s left"),  # half of it was done before
        (0.01, 60.0, 1.0, ""),  # too little of it to tell
        (0.5, 0.5, 1.0, ""),  # too short a look
        (1.0, 60.0, 1.0, ""),
    ],
)
def test_the_rest_is_told_from_the_share_done(share: float, elapsed: float, whole: float, words: str) -> None:
    assert progress.remaining(share, elapsed, whole) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (10.4, "10 s"), (119.4, "119 s"), (150.0, "2 min")]
)
def test_a_duration_is_as_fine_as_it_matters(seconds: float, words: str) -> None:
    assert progress.duration(seconds) == words


def stoppable() -> None:
    """A script whose work is told of twice."""
    from pages.common.app import session
    from pages.common.app.progress import progress_bar

    with progress_bar("Maps", stop=session.stopped("01234567")) as bar:
        bar(0.25, "the first of four")
        bar(0.5, "the second")


def test_a_bar_is_drawn_with_one_button_that_goes_with_it(at_once: list[tuple[float, str]]) -> None:
    app = AppTest.from_function(stoppable).run()
    assert len(at_once) == 2
    assert not app.exception, "a second button of one key is refused"
    assert not app.button


def test_quick_work_draws_no_bar(at_once: list[tuple[float, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 3600.0)
    AppTest.from_function(working, args=("ends",)).run()
    assert at_once == []


def test_a_page_whose_work_fails_shows_the_sentence_alone(
    at_once: list[tuple[float, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, progress: Any, **__: object) -> None:
        progress(0.5, "half of it")
        raise ex.VitrineError("The memory is full.")

    monkeypatch.setattr(ex, "attention_heads", fail)
    app = opened("attention", model="demo:signs-vit", input="scene:1000027")
    assert (0.5, "Attention heads · half of it") in at_once
    assert [error.value for error in app.error] == ["The memory is full."]
    assert bars(app) == []


@pytest.mark.parametrize(("size", "share"), [(4, 0.5), (None, 1.0)])
def test_a_download_is_told_in_bytes(size: int | None, share: float, at_once: list[tuple[float, str]]) -> None:
    slot = progress.st.empty()
    progress.ProgressBar(slot, "Loading").downloaded(2, size)
    assert at_once == [(share, "Loading · downloading")]
