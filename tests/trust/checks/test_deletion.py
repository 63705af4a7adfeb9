"""Deletion of the best and the worst map, and on drawn scenes."""

from __future__ import annotations

from dataclasses import replace

import pytest

import explainers as ex
from benchmarks.questions import shuffled
from benchmarks.truth import sign_scenes
from tests.support.attributions import patch_mask, verdict_of


def test_the_best_and_the_worst_map() -> None:
    """Sixteen steps of sixteen pixels: the square is covered by the first one, or by the last alone."""
    best = verdict_of(patch_mask()[None].double(), "deletion", steps=16, fill="zero")["deletion"]
    worst = verdict_of(-patch_mask()[None].double(), "deletion", steps=16, fill="zero")["deletion"]
    assert best.value == pytest.approx(0, abs=1e-9)
    assert worst.value == pytest.approx(15 / 16, abs=1e-6)
    assert (best.good, worst.good) == (True, False)
    assert worst.details["better than opponents"] <= 0.5


def test_a_map_of_a_scene_convinces_and_a_shuffled_one_does_not() -> None:
    model, honest, mixed = ex.load_model("demo:signs-cnn"), [], []
    for number, scene in enumerate(sign_scenes(4)):
        attribution = ex.explain(model, scene.image, "grad-cam", scene.label)
        other = replace(attribution, values=shuffled(attribution.values, number))
        honest.append(ex.verify(model, scene.image, attribution, "deletion", steps=6)["deletion"].good)
        mixed.append(ex.verify(model, scene.image, other, "deletion", steps=6)["deletion"].good)
    assert honest.count(True) >= 3
    assert mixed.count(True) == 0
