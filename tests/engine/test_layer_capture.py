"""Looking into a network while it runs."""

from __future__ import annotations

import torch

from explainers.core.target import ClassTarget
from explainers.engine.engine import Engine
from explainers.engine.run import Run
from tests.support.networks import random_inputs
from tests.support.transformers import MultiHead, tiny_vit


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
