"""Maps in the making: how reliable they are."""

from __future__ import annotations

import pytest
import torch

from explainers.core.estimate import Estimate, reliability
from tests.support.models.networks import random_inputs


def test_reliability_is_the_correlation_of_two_independent_maps() -> None:
    truth = random_inputs(1, (200, 200), dtype=torch.float64)[0] * 2
    first, second = (truth + random_inputs(1, (200, 200), seed=s, dtype=torch.float64)[0] * 1.5 for s in (5, 6))
    error = torch.full_like(truth, 1.5)
    correlation = float(torch.corrcoef(torch.stack([first.flatten(), second.flatten()]))[0, 1])
    assert reliability(first, error) == pytest.approx(correlation, abs=0.01)
    assert reliability(torch.ones(4), torch.ones(4)) == 0
    assert Estimate(first, 1.0).reliability is None
