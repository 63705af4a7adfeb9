"""What the table of the ground counts."""

from __future__ import annotations

from pathlib import Path

import torch

import explainers as ex
from benchmarks.ground import FRESH, NEVER, World, half_covered, lines, measure, photographs
from explainers.demo.dataset import draw_scenes, normalise


def test_fresh_scenes_are_supported_and_photographs_are_not(tmp_path: Path) -> None:
    model = ex.load_model("demo:signs-cnn")
    scenes = draw_scenes(range(1_900_000, 1_900_006))
    fresh = measure(model, World(FRESH, normalise(scenes.images), scenes.labels))
    pictures = photographs(model, tmp_path)  # an empty folder: the bundled ones alone
    strange = measure(model, World("photographs", pictures, torch.full((len(pictures),), NEVER)))
    assert len(pictures) == 4
    assert not any(strange.right)
    assert sum(grade is ex.Grade.SUPPORTED for grade in fresh.grades) >= 4
    table = list(lines([fresh, strange]))
    assert table[3].startswith("| photographs | 4 | 0 | 0 | 0 | 0 | 0 | 4 | 0 | 100.0% | 1.000 |")


def test_half_of_a_sign_is_covered() -> None:
    scenes = draw_scenes(range(1_900_000, 1_900_002))
    covered, drawn = half_covered(scenes), normalise(scenes.images)
    changed = (covered != drawn).any(1)
    assert not bool((changed & ~scenes.signs).any())
    share = changed.flatten(1).sum(1) / scenes.signs.flatten(1).sum(1)
    assert bool(((share > 0.4) & (share < 0.6)).all())
