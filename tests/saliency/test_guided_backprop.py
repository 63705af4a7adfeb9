"""Guided backpropagation against its definition, ReLU by ReLU."""

from __future__ import annotations

import torch
from torch import nn

import explainers as ex
from tests.support.models.networks import assert_close, random_inputs, rectified


def test_negative_gradients_are_dropped_at_every_relu_on_the_way_back():
    network = rectified()
    inputs = random_inputs(7, (6,), dtype=torch.float64)
    first, _, second, _, last = network
    with torch.no_grad():
        below = first(inputs)
        above = second(below.relu())
        slope = last.weight[1].expand(len(inputs), -1)
        slope = (slope.clamp_min(0) * (above > 0)) @ second.weight
        expected = (slope.clamp_min(0) * (below > 0)) @ first.weight
    values = ex.explain(ex.wrap(network, input_shape=(6,)), inputs, "guided-backprop", 1).values
    assert_close(values, expected.float(), 1e-6)
    assert not torch.allclose(values, ex.explain(ex.wrap(network, input_shape=(6,)), inputs, "gradient", 1).values)


def test_without_relus_it_is_the_gradient():
    network = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)).double()
    model, inputs = ex.wrap(network, input_shape=(6,)), random_inputs(4, (6,), dtype=torch.float64)
    guided, plain = (ex.explain(model, inputs, method, 2).values for method in ("guided-backprop", "gradient"))
    assert_close(guided, plain, 1e-6)
