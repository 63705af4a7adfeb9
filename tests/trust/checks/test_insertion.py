"""Insertion of the best and the worst map."""

from __future__ import annotations

import pytest

from tests.support.attributions import patch_mask, verdict_of


def test_the_best_and_the_worst_map() -> None:
    """Sixteen steps of sixteen pixels: the square is shown by the first one, or by the last alone."""
    best = verdict_of(patch_mask()[None].double(), "insertion", steps=16, fill="zero")["insertion"]
    worst = verdict_of(-patch_mask()[None].double(), "insertion", steps=16, fill="zero")["insertion"]
    assert best.value == pytest.approx(1, abs=1e-9)
    assert worst.value == pytest.approx(1 / 16, abs=1e-6)
    assert (best.good, worst.good) == (True, False)
