"""How long work will take."""

from __future__ import annotations

import pytest

from explainers.core.cost import Cost
from explainers.engine import cost_prediction
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


def test_work_that_is_known_to_be_short_is_not_measured() -> None:
    model, inputs = small_model(), random_inputs(1)
    run = Run(model, engine_for("cpu"))
    run.outputs(inputs)
    before = run.cost
    at_most = predict_seconds(run, inputs, Cost(100, 50), within=3600)
    assert at_most > 0
    assert run.cost == before
    assert predict_seconds(run, inputs, Cost(200, 100), within=3600) == pytest.approx(2 * at_most)
    predict_seconds(run, inputs, Cost(100, 50), within=at_most / 2)
    assert run.cost.backward > before.backward, "what may take longer is measured"


def test_slow_passes_are_measured_a_few_times_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost_prediction, "MEASURING", 0.0)
    run = Run(small_model(), engine_for("cpu"))
    predict_seconds(run, random_inputs(1), Cost(1000, 500))
    assert run.cost.backward == 4
    assert run.cost.forward <= 4 + 4 + 2, "a chunk of each kind, and the top class of each"
