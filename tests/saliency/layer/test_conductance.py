"""Layer conductance."""

from __future__ import annotations

import itertools

import torch

from explainers.api import explain
from tests.support.models.networks import assert_close, random_inputs, small_model


def test_conductance_by_the_slow_way():
    """One point of the path at a time, from its definition: mean of neighbouring gradients times change of activation."""
    model, inputs = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    network = model.network
    points = []
    for step in range(7):
        x = network.norm1(network.conv1(inputs * step / 6)).relu()
        output = network.norm2(network.conv2(x)).detach().requires_grad_()
        y = output.relu()
        score = network.head((y + network.conv3(y)).relu().mean((2, 3)))[0, 4]
        points.append((output.detach(), torch.autograd.grad(score, output)[0]))
    expected = sum((g1 + g2) / 2 * (a2 - a1) for (a1, g1), (a2, g2) in itertools.pairwise(points))
    assert_close(explain(model, inputs, "layer-conductance", 4, layer="norm2", steps=6).values, expected, 1e-6)
