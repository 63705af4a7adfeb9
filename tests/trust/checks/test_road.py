"""ROAD of the best and the worst map, against a slow version, and the holes it fills."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import explainers as ex
from explainers.trust.checks.road import impute
from tests.support.attributions import (
    SIDE,
    attribution_of,
    patch_mask,
    probability_of,
    random_map,
    verdict_of,
)
from tests.support.models.networks import random_inputs, small_model

CLASS = 2


def test_road_of_a_perfect_and_of_the_worst_map() -> None:
    """Without the square its surroundings are black, and so is what fills it."""
    perfect = verdict_of(patch_mask()[None].double(), "road", noise=0.0)["road"]
    worst = verdict_of(-patch_mask()[None].double(), "road", noise=0.0)["road"]
    assert perfect.value == pytest.approx(1, abs=1e-6)
    assert worst.value == pytest.approx(-1, abs=1e-6)
    assert (perfect.good, worst.good) == (None, False), "random orders are above 0 as well"


def test_road() -> None:
    model, image = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    heat = random_map(4)
    attribution = attribution_of(heat[None], image, ex.ClassTarget(CLASS))
    finding = ex.verify(model, image, attribution, "road", steps=3, noise=0.0).findings[0]
    differences = []
    for share in (0.25, 0.5, 0.75):
        count = round(share * SIDE * SIDE)
        ranks = heat.flatten().argsort(descending=True).argsort().view(SIDE, SIDE)
        strongest = probability_of(model, impute(image[0], ranks < count)[None], CLASS)
        weakest = probability_of(model, impute(image[0], ranks >= SIDE * SIDE - count)[None], CLASS)
        differences.append(weakest - strongest)
    assert finding.value == pytest.approx(np.mean(differences), abs=1e-6)


def test_imputed_pixels_solve_their_equations() -> None:
    image, covered = random_inputs(1, dtype=torch.float64)[0], random_map(2) > 0.2
    filled = impute(image, covered)
    assert torch.equal(filled[:, ~covered], image[:, ~covered])
    for row, column in covered.nonzero().tolist():
        weighted, total = torch.zeros(3, dtype=torch.float64), 0.0
        for down, right in ((r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if r or c):
            if 0 <= row + down < SIDE and 0 <= column + right < SIDE:
                weight = 1 / 12 if down and right else 1 / 6
                weighted += weight * filled[:, row + down, column + right]
                total += weight
        assert torch.allclose(filled[:, row, column], weighted / total)
