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
