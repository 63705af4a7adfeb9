"""Deconvolution against its definition, ReLU by ReLU."""

from __future__ import annotations

import torch

import explainers as ex
from tests.support.models.networks import assert_close, random_inputs, rectified


def test_what_comes_back_is_rectified_whether_or_not_the_relu_was_on():
    network = rectified()
    inputs = random_inputs(7, (6,), dtype=torch.float64)
    first, _, second, _, last = network
    with torch.no_grad():
        slope = last.weight[1].expand(len(inputs), -1)
        slope = slope.clamp_min(0) @ second.weight
        expected = slope.clamp_min(0) @ first.weight
    values = ex.explain(ex.wrap(network, input_shape=(6,)), inputs, "deconvolution", 1).values
    assert_close(values, expected.float(), 1e-6)
    assert not torch.allclose(values, ex.explain(ex.wrap(network, input_shape=(6,)), inputs, "gradient", 1).values)
