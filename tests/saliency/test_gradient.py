"""The gradient, and input times gradient."""

from __future__ import annotations

import torch

from explainers.api import explain
from explainers.core.model import Model
from explainers.core.target import RegressionTarget
from tests.support.models.networks import Formula, Linear, assert_close, random_inputs
from tests.support.worked_example import LINEAR_POINT, LINEAR_WEIGHTS


def test_gradient_of_a_product():
    product = Model("product", Formula(lambda x: x[:, :1] * x[:, 1:]), (2,), task="regression")
    result = explain(product, torch.tensor([[3.0, 5.0]]), "gradient")
    assert result.values.tolist() == [[5.0, 3.0]]


def test_input_x_gradient_is_the_gradient_times_the_input(model):
    inputs = random_inputs(3)
    gradient, product = explain(model, inputs, ["gradient", "input-x-gradient"], 1)
    assert torch.equal(product.values, gradient.values * inputs)


def test_regression_outputs_are_explained_one_at_a_time():
    network = Model("two outputs", Linear(LINEAR_WEIGHTS), (3,), task="regression")
    for output in (0, 1):
        result = explain(network, LINEAR_POINT, "gradient", output)
        assert result.target == RegressionTarget(output)
        assert_close(result.values, LINEAR_WEIGHTS[:, output].unsqueeze(0), 1e-7)
