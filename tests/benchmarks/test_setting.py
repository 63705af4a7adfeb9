"""The networks that are measured."""

from __future__ import annotations

import torch

from benchmarks.setting import CLASS, VIT, fresh, images

CPU = torch.device("cpu")


def test_the_transformer_has_gradients_to_explain() -> None:
    network, inputs = fresh(VIT, CPU), images(1, CPU).requires_grad_()
    (gradient,) = torch.autograd.grad(network(inputs)[0, CLASS], inputs)
    assert float(gradient.abs().max()) > 0
