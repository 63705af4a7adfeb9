"""How long weight statistics will take: it grows with what there is to compute."""

from __future__ import annotations

import pytest
from torch import nn

from explainers.weight_stats import estimate_weight_stats
from explainers.weight_stats.cost_prediction import _measured, computing_device
from tests.support.weights import model_of


def seconds(*layers: nn.Module) -> float:
    return estimate_weight_stats(model_of(nn.Sequential(*layers))).seconds


def test_a_price_is_the_sum_of_its_tensors_prices() -> None:
    pace = _measured(computing_device("cpu"))
    expected = pace.value * 12_000 + pace.product * 100 * 100 * 120 + pace.decomposed * 100**3
    price = estimate_weight_stats(model_of(nn.Linear(120, 100, bias=False)), "cpu")
    assert (price.forward, price.backward) == (0, 0)
    assert price.seconds == pytest.approx(expected)
    twice = nn.Sequential(nn.Linear(120, 100, bias=False), nn.Linear(100, 120, bias=False))
    assert estimate_weight_stats(model_of(twice), "cpu").seconds == pytest.approx(2 * expected)


def test_every_position_of_a_kernel_has_a_matrix_of_its_own() -> None:
    small, large = nn.Conv2d(64, 64, 1, bias=False), nn.Conv2d(64, 64, 3, bias=False)
    assert seconds(large) == pytest.approx(9 * seconds(small))


def test_what_has_no_spectrum_costs_its_values_alone() -> None:
    pace = _measured(computing_device(None))
    assert seconds(nn.LayerNorm(5000)) == pytest.approx(10_000 * pace.value)
