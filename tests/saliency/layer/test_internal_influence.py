"""Internal influence."""

from __future__ import annotations

import numpy as np
import torch

from explainers.api import explain
from explainers.core.target import ClassTarget
from explainers.engine.run import Run
from tests.support.models.networks import assert_close, fixed_engine, random_inputs, small_model


def test_it_is_the_mean_slope_on_the_path_one_point_at_a_time():
    model, inputs = small_model(torch.float64), random_inputs(2, dtype=torch.float64)
    result = explain(model, inputs, "internal-influence", 3, layer="norm2", steps=4)
    nodes, weights = np.polynomial.legendre.leggauss(4)
    run = Run(model, fixed_engine(8))
    expected = sum(
        weight / 2 * run.capture((node + 1) / 2 * inputs, ["norm2"], ClassTarget(3))[0].gradients
        for node, weight in zip(nodes, weights, strict=True)
    )
    assert_close(result.values, expected, 1e-6)
