"""Whether a method makes the passes that it announces, on which the progress bar and the estimate before the work rest."""

from __future__ import annotations

from typing import Any

from explainers.api import explain
from explainers.engine.engine import engine_for
from explainers.engine.run import Run
from explainers.registry import find_method
from tests.support.models.networks import random_inputs, small_model


def assert_announced_passes(name: str, target: int | None, options: dict[str, Any]) -> None:
    model = small_model()
    method = find_method(name)
    announced = method.passes(
        (3, *model.input_shape), method.options.read(name, options), Run(model, engine_for("cpu"))
    )
    cost = explain(model, random_inputs(3), name, target, **options).cost
    assert (cost.forward, cost.backward) == (announced.forward, announced.backward)
