"""Sampled Shapley values: the coalitions of an order; their values and errors are in test_family and in tests/peers."""

from __future__ import annotations

import torch

from explainers.perturbation.shapley_sampling import Uncovering


def test_regions_are_uncovered_one_by_one_in_every_order() -> None:
    orders = torch.rand(6, 5, generator=torch.Generator().manual_seed(0)).argsort(1)
    coalitions = Uncovering(orders.argsort(1))
    expected = [[r in order[:shown] for r in range(5)] for order in orders.tolist() for shown in range(6)]
    assert len(coalitions) == len(expected) == 36
    assert coalitions[0:36].tolist() == expected
    assert coalitions[7:20].tolist() == expected[7:20]
