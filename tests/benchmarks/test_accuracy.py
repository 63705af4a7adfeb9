"""The error of Shapley values."""

from __future__ import annotations

import explainers as ex
from benchmarks.accuracy import CONTENDERS, Puzzle, error
from benchmarks.truth import sign_scenes


def test_the_error_of_shapley_values_falls_with_the_pictures() -> None:
    model = ex.load_model("demo:signs-cnn")
    (scene,) = sign_scenes(1)
    puzzles = [Puzzle(model, model.inputs(scene.image), scene.label)]
    few, many = (error("kernel-shap", puzzles, count, seeds=2) for count in (30, 400))
    assert 0 < many < few
    for contender in CONTENDERS:
        assert error(contender, puzzles, 100, seeds=1) < 0.5
