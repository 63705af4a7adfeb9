"""Ranks, tops and overlaps, against SciPy and slow versions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import rankdata, spearmanr

from explainers.trust.ranking import mean_ranks, order_of, spearman, top_mask, top_overlap
from tests.support.attributions import SIDE, patch_mask, random_map


def test_rank_correlation_and_overlap() -> None:
    a, b = random_map(1), (random_map(2) * 2).round()
    assert spearman(a, b) == pytest.approx(spearmanr(a.flatten(), b.flatten()).statistic)
    assert spearman(a, torch.ones(SIDE, SIDE)) is None
    strongest = [set(np.argsort(-m.numpy().ravel())[:26].tolist()) for m in (a, random_map(3))]
    expected = len(strongest[0] & strongest[1]) / len(strongest[0] | strongest[1])
    assert top_overlap(a, random_map(3)) == pytest.approx(expected)


@pytest.mark.parametrize("steps", [1, 2, 7, 200, 10**9])
@pytest.mark.parametrize("count", [1, 2, 3, 1000])
def test_mean_ranks_are_those_of_scipy(steps: int, count: int) -> None:
    values = (np.random.default_rng(count).integers(-steps, steps, count) / 3).astype(np.float32)
    assert np.array_equal(mean_ranks(values), rankdata(values))


@pytest.mark.parametrize("steps", [1, 3, 10**6])
@pytest.mark.parametrize("count", [0, 1, 17, 255, 256])
def test_the_strongest_places_are_the_first_in_order(steps: int, count: int) -> None:
    heat = (random_map(4) * steps).round()
    assert torch.equal(top_mask(heat, count), order_of(heat) < count)
    heat[0, 0] = float("nan")
    assert torch.equal(top_mask(heat, count), order_of(heat) < count)


def test_ties_are_ordered_without_a_direction() -> None:
    places = order_of(torch.zeros(SIDE, SIDE)).double()
    assert abs(float(spearman(places, torch.arange(SIDE * SIDE).double()) or 0)) < 0.2
    two = order_of(patch_mask().double())
    assert set(two[patch_mask()].tolist()) == set(range(16))
