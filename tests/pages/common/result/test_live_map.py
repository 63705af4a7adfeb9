"""Maps in the making: stopped, continued, and failing for all who share them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import explainers as ex
from pages.common.result import live_map
from pages.common.result.live_map import Refinement
from tests.support.app import metrics, opened


def test_a_map_that_cannot_be_made_says_so_at_every_run() -> None:
    app = opened(
        "perturbation", perturbation_method="RISE", perturbation_rise_samples="400", target="a channel of a layer"
    )
    for _ in range(2):
        app.text_input(key="channel_place").set_value("99,0").run()
        assert not app.exception
        (error,) = app.error
        assert "99" in str(error.value)
    app.text_input(key="channel_place").set_value("").run()
    assert not app.error
    assert "Score" in metrics(app)


def test_a_map_stopped_before_its_first_chunk_can_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:  # a click in the first chunk ends that run where it draws
        patched.setattr(live_map, "_draw_until_done", lambda *arguments: arguments[-1].set(True))
        app = opened("perturbation", perturbation_method="RISE", perturbation_rise_samples="300")
    assert not app.exception
    assert "Stopped before there was a map." in [info.value for info in app.info]
    app.run()
    (button,) = (b for b in app.button if b.label == "Go on")
    button.click().run()
    assert not app.info
    assert metrics(app)["Passes"] == "301 + 0"


def test_a_refinement_that_failed_fails_for_all_who_share_it() -> None:
    model, image = ex.load_model("demo:signs-cnn"), ex.sample(ex.samples()[0].id).load()

    def steps() -> Iterator[ex.Attribution]:
        yield next(ex.refine(model, image, "rise", samples=40))
        raise ex.VitrineError("The memory is full.")

    work = Refinement(steps())
    work.step()
    for _ in range(2):
        with pytest.raises(ex.VitrineError, match="memory"):
            work.step()
    assert not work.finished


def test_a_refinement_stands_still_between_steps_and_ends_with_its_last_map() -> None:
    model, image = ex.load_model("demo:signs-cnn"), ex.sample(ex.samples()[0].id).load()
    work = Refinement(ex.refine(model, image, "rise", samples=40))
    assert work.latest is None
    work.step()
    first = work.latest
    assert first is not None
    assert 0 < first.share < 1
    while not work.finished:
        work.step()
    last = work.latest
    work.step()
    assert work.latest is last
    assert last is not None
    assert last.share == 1
