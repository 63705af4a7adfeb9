"""Max-sensitivity of a map that stays put, and the changes it is measured with."""

from __future__ import annotations

import pytest
import torch

import explainers as ex
from explainers.trust.checks.max_sensitivity import MaxSensitivityOptions, nudges
from tests.support.attributions import SIDE
from tests.support.models.networks import Linear, random_inputs


def test_a_linear_models_gradient_does_not_move() -> None:
    weights = random_inputs(1, (3 * SIDE * SIDE, 2), seed=5, dtype=torch.float64)[0]
    model = ex.Model("linear", Linear(weights), (3, SIDE, SIDE))
    image = random_inputs(1, (3, SIDE, SIDE), seed=6, dtype=torch.float64)
    finding = ex.verify(model, image, ex.explain(model, image, "gradient", 0), "max-sensitivity").findings[0]
    assert finding.value == pytest.approx(0, abs=1e-6)


def test_nudges_fill_their_radius() -> None:
    away = nudges(random_inputs(1), MaxSensitivityOptions(samples=20, radius=0.1))
    assert 0.0999 < float(away.abs().max()) <= 0.1
    assert abs(float(away.mean())) < 0.002
