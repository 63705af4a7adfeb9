"""How long work will take."""

from __future__ import annotations

import pytest

from explainers.core.cost import Cost
from explainers.engine.cost_prediction import predict_seconds
from explainers.engine.engine import engine_for
from explainers.engine.run import Run
from tests.support.models.networks import random_inputs, small_model


def test_what_work_will_take_follows_its_passes() -> None:
    model, inputs = small_model(), random_inputs(1)
    run = Run(model, engine_for("cpu"))
    few, many = predict_seconds(run, inputs, Cost(100, 0)), predict_seconds(run, inputs, Cost(1000, 0))
    assert 0 < few < many
    assert many == pytest.approx(10 * few, rel=0.01)
    assert predict_seconds(run, inputs, Cost(1000, 1000)) > 0
