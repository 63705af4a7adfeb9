"""What every page looks at."""

from __future__ import annotations

import numpy as np
import pytest

import explainers as ex
from pages.common.app.selection import predicted, short_hash
from pages.common.sections.story import scene


def test_a_drawn_scene_knows_its_parts_and_no_other_picture_does() -> None:
    drawn = scene("demo:signs-cnn", "scene:1000050").regions()
    expected = ex.sample("scene:1000050").regions()
    assert list(drawn) == list(expected)
    assert all(np.array_equal(np.asarray(drawn[name]), np.asarray(expected[name])) for name in drawn)
    assert scene("demo:signs-cnn", "photo:coffee").regions() == {}


def test_the_picture_is_enlarged_as_the_model_sees_it() -> None:
    selection = scene("demo:signs-cnn", "photo:coffee")
    assert selection.enlarged(480).size == (480, 480), "the model cuts a square"


def test_a_model_is_asked_once_for_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    selection = scene("demo:signs-cnn", "scene:1000017")
    first = predicted(selection.model, selection.image, selection.key[1])
    assert first.top(3) == ex.predict(selection.model, selection.image).top(3)
    monkeypatch.setattr(ex, "predict", None)
    assert predicted(selection.model, selection.image, selection.key[1]) is first


def test_a_hash_tells_parts_apart() -> None:
    assert short_hash("a", 1) == short_hash("a", 1) != short_hash("a", 2)
    assert len(short_hash("a")) == 8
