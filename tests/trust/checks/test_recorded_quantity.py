"""What a curve is drawn of: a probability only where there is one."""

from __future__ import annotations

import pytest
import torch

import explainers as ex
from explainers.core.target import ProbabilityTarget
from explainers.engine.run import Run
from explainers.trust.checks._recorded_quantity import RecordedQuantity, recorded_target
from tests.support.models.networks import Formula, random_inputs, small_model


@pytest.mark.parametrize("quantity", list(RecordedQuantity))
def test_one_class_of_several_has_a_probability(quantity: RecordedQuantity) -> None:
    model, image = small_model(), random_inputs(1)
    target, name = recorded_target(Run(model, ex.engine_for()), image, ex.ClassTarget(2), quantity)
    outputs = model.network.eval()(image)
    if quantity is RecordedQuantity.SCORE:
        assert (name, target) == ("score", ex.ClassTarget(2))
    else:
        assert name == "probability"
        assert torch.allclose(target(outputs), outputs.softmax(1)[:, 2])


def test_everything_else_is_recorded_as_it_is_scored() -> None:
    image = random_inputs(1)
    alone = ex.Model("one output", Formula(lambda inputs: inputs.flatten(1)[:, :1]), (3, 16, 16))
    numbers = ex.Model("regression", Formula(lambda inputs: inputs.flatten(1)[:, :3]), (3, 16, 16), task="regression")
    for model, target in (
        (small_model(), ex.ContrastTarget(0, 1)),
        (alone, ex.ClassTarget(0)),
        (numbers, ex.RegressionTarget(0)),
    ):
        recorded, name = recorded_target(Run(model, ex.engine_for()), image, target, RecordedQuantity.AUTO)
        assert (recorded, name) == (target, "score")
        assert not isinstance(recorded, ProbabilityTarget)
