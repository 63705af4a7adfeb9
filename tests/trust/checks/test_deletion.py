"""Deletion of the best and the worst map, and on drawn scenes."""

from __future__ import annotations

import pytest

from benchmarks.verdicts import convinced_shares
from tests.support.attributions import patch_mask, verdict_of


def test_the_best_and_the_worst_map() -> None:
    """Sixteen steps of sixteen pixels: the square is covered by the first one, or by the last alone."""
    best = verdict_of(patch_mask()[None].double(), "deletion", steps=16, fill="zero")["deletion"]
    worst = verdict_of(-patch_mask()[None].double(), "deletion", steps=16, fill="zero")["deletion"]
    assert best.value == pytest.approx(0, abs=1e-9)
    assert worst.value == pytest.approx(15 / 16, abs=1e-6)
    assert (best.good, worst.good) == (True, False)
    assert worst.details["better than random orders"] <= 0.5


def test_a_map_of_a_scene_convinces_and_a_shuffled_one_does_not() -> None:
    """`python -m benchmarks verdicts` asks it of two hundred scenes."""
    honest, shuffled = convinced_shares("deletion", 12, steps=12)
    assert honest >= 0.9
    assert shuffled <= 0.1
