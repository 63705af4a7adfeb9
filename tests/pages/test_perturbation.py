"""The Perturbation page without a browser: maps in the making, their price, their regions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import explainers as ex
from explainers.engine.chunk_sizes import ChunkSizes
from pages.common.result import live_map
from pages.common.result.live_map import Refinement
from pages.common.result.options_form import option_key
from tests.support.app import metrics, opened, words

KEY = "perturbation_method"


def test_options_of_every_method_are_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ChunkSizes, "pace", lambda *_: 3.0)  # so that only the form is drawn
    app = opened("perturbation")
    for method in (m for m in ex.methods() if m.family == "perturbation"):
        app.selectbox(key=KEY).set_value(method.title).run()
        assert not app.exception
        keys = {w.key for kind in (app.selectbox, app.slider, app.number_input, app.toggle) for w in kind if w.key}
        assert {option_key("perturbation", method.name, name) for name in method.options.model_fields} <= keys


def test_a_sampled_map_says_how_sure_it_is() -> None:
    app = opened("perturbation", perturbation_method="RISE", perturbation_rise_samples="400")
    numbers = metrics(app)
    assert numbers["Passes"] == "401 + 0"  # one more for the score
    assert 0 < float(numbers["Reliability"]) < 1
    assert any("standard error" in block.value for block in app.markdown)
    model = ex.load_model("demo:signs-cnn")
    image = ex.sample(ex.samples()[0].id).load()
    expected = ex.explain(model, image, "rise", samples=400).reliability
    assert expected is not None
    assert float(numbers["Reliability"]) == pytest.approx(expected, abs=0.02)


def test_regions_are_shown_and_counted() -> None:
    app = opened("perturbation", perturbation_method="Feature ablation", perturbation_feature_ablation_segments="grid")
    app.slider(key="perturbation_feature_ablation_regions").set_value(9).run()
    assert "The 9 regions that are hidden or shown as one." in words(app)
    assert metrics(app)["Passes"] == "10 + 0"


def test_long_work_waits_for_a_click_that_says_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ChunkSizes, "pace", lambda *_: 0.5)
    app = opened("perturbation", perturbation_method="Shapley values, exact", perturbation_shapley_regions="7")
    (button,) = (b for b in app.button if b.label.startswith("Start"))
    assert button.label == "Start: 129 passes, about 64 s"
    assert "129 forward and 0 backward passes." in [caption.value for caption in app.caption]
    assert not app.metric
    button.click().run()
    assert "Score" in metrics(app)


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
