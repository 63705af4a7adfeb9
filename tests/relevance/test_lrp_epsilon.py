"""LRP-ε against the slow version, and against the gradient that it is in a network of ReLUs."""

from __future__ import annotations

import pytest

from explainers.api import explain
from explainers.core.model import Model
from tests.support.models.networks import assert_close, random_inputs
from tests.support.slow_lrp import assert_slow_version, single_rule


@pytest.mark.parametrize("epsilon", [0.0, 0.2])
def test_the_slow_version(epsilon: float) -> None:
    assert_slow_version("lrp-epsilon", single_rule(lambda d, r: d.epsilon(r, epsilon)), epsilon=epsilon)


def test_of_a_network_of_relus_it_is_input_times_gradient(model: Model) -> None:
    inputs = random_inputs(3)
    expected = explain(model, inputs, "input-x-gradient").values
    assert_close(explain(model, inputs, "lrp-epsilon").values, expected, 1e-3)
