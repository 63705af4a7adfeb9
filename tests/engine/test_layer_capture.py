"""Looking into a network while it runs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from explainers.core.errors import VitrineError
from explainers.core.target import ClassTarget
from explainers.engine.engine import Engine
from explainers.engine.layer_capture import capture_activations, capture_gradients
from explainers.engine.run import Run
from explainers.graph.layers import find_layers
from tests.support.models.networks import assert_close, random_inputs, small_cnn
from tests.support.models.transformers import MultiHead, tiny_vit


def test_nothing_below_the_first_layer_looked_at_is_recorded():
    model, recorded = tiny_vit(kind=MultiHead), []
    for block in model.network.blocks:
        block.register_forward_pre_hook(lambda module, inputs: recorded.append(torch.is_grad_enabled()))
    inputs = random_inputs(2, (3, 16, 24), dtype=torch.float64)
    run = Run(model, Engine(torch.device("cpu")))
    run.layers()
    recorded.clear()
    run.capture(inputs, ["blocks.1"], ClassTarget(1))
    assert recorded == [False, False, True]
    assert not torch.is_inference_mode_enabled()
    assert torch.is_grad_enabled()


def test_activations_and_gradients_are_those_of_a_network_cut_in_two():
    network, inputs = small_cnn(torch.float64), random_inputs(2, dtype=torch.float64)
    layers = [layer for layer in find_layers(network, inputs) if layer.name in ("norm1", "norm2")]

    def upper(maps: Tensor) -> Tensor:
        maps = network.norm2(network.conv2(maps.relu())).relu()
        return network.head((maps + network.conv3(maps)).relu().mean((2, 3)))

    _, maps = capture_gradients(network, layers, lambda: network(inputs), lambda outputs: outputs[:, 2].sum())
    below = network.norm1(network.conv1(inputs)).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(upper(below)[:, 2].sum(), below)
    assert_close(maps["norm1"][0], below, 1e-12)
    assert_close(maps["norm1"][1], gradient, 1e-12)
    assert maps["norm2"][1].shape == maps["norm2"][0].shape == (2, 8, 8, 8)
    _, alone = capture_activations(network, layers, lambda: network(inputs))
    assert torch.equal(alone["norm1"][0], maps["norm1"][0])
    assert not any(module._forward_hooks for module in network.modules())


def test_what_takes_a_layers_place_is_what_is_captured():
    network, inputs = small_cnn(torch.float64), random_inputs(2, dtype=torch.float64)
    layers = [layer for layer in find_layers(network, inputs) if layer.name == "norm2"]
    put = random_inputs(2, (8, 8, 8), dtype=torch.float64)
    outputs, maps = capture_gradients(network, layers, lambda: network(inputs), lambda o: o[:, 1].sum(), put=put)
    assert torch.equal(maps["norm2"][0], put)
    with torch.no_grad():
        above = put.relu()
        assert_close(outputs, network.head((above + network.conv3(above)).relu().mean((2, 3))), 1e-12)


def test_a_score_that_leaves_a_layer_out_is_a_sentence():
    network, inputs = small_cnn(), random_inputs(2)
    layers = [layer for layer in find_layers(network, inputs) if layer.name == "norm2"]
    with pytest.raises(VitrineError, match="does not depend on layer 'norm2'"):
        capture_gradients(network, layers, lambda: network(inputs), lambda outputs: outputs.detach().sum())
