"""Exact Shapley values against their definition."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from explainers.api import estimate, explain
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.perturbation.shapley import exact_shapley_values
from tests.support.models.networks import Linear, random_inputs


def mean_over_every_order(scores: dict[frozenset[int], float], count: int) -> list[float]:
    """Shapley values as defined: the mean gain over every order."""
    values = [0.0] * count
    for order in itertools.permutations(range(count)):
        for position, region in enumerate(order):
            before = frozenset(order[:position])
            values[region] += scores[before | {region}] - scores[before]
    return [value / math.factorial(count) for value in values]


def test_exact_values_are_the_mean_over_every_order() -> None:
    count = 5
    scores = random_inputs(1, (2**count,), dtype=torch.float64)[0]
    subsets = {frozenset(r for r in range(count) if n >> r & 1): float(scores[n]) for n in range(2**count)}
    assert exact_shapley_values(scores).tolist() == pytest.approx(mean_over_every_order(subsets, count))


@pytest.mark.parametrize("features", [20, 1500])
def test_too_many_regions_for_enumeration_are_refused_in_a_sentence(features: int) -> None:
    model = Model("linear", Linear(torch.ones(features, 1)), (features,), task="regression")
    for verb in (explain, estimate):
        with pytest.raises(VitrineError, match=rf"of {features:,} regions would take 2\^{features} passes"):
            verb(model, torch.ones(1, features), "shapley")
