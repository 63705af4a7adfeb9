"""Smooth Grad-CAM++."""

from __future__ import annotations

import torch
from torch import Tensor

from explainers.api import explain
from explainers.core.rng import seeded_noise
from tests.support.models.networks import assert_close, fixed_engine, random_inputs, small_model


def test_smooth_grad_cam_plus_plus_is_the_papers_formula():
    """Worked out copy by copy, with the copies' gradients from plain autograd."""
    model, inputs, samples = small_model(torch.float64), random_inputs(2, dtype=torch.float64), 3
    options = {"samples": samples, "noise": 0.3, "seed": 5, "layer": "norm1"}
    deviation = 0.3 * (inputs.amax((1, 2, 3)) - inputs.amin((1, 2, 3))).view(-1, 1, 1, 1)
    moments = []
    outputs: dict[str, Tensor] = {}
    layer = model.network.get_submodule("norm1")
    # A copy goes on: the ReLU that comes next writes in place.
    handle = layer.register_forward_hook(lambda module, args, output: outputs.update(norm1=output) or output.clone())
    for variant_index in range(samples):
        noise = seeded_noise(inputs[:1], 5, torch.tensor([variant_index]))
        score = model.network((inputs + deviation * noise).requires_grad_())[:, 1].sum()
        (gradient,) = torch.autograd.grad(score, outputs["norm1"])
        moments.append(torch.stack([gradient, gradient**2, gradient**3]))
    model.network(inputs)
    handle.remove()
    activations = outputs["norm1"].detach()
    first, second, third = torch.stack(moments).mean(0)
    alpha = torch.nan_to_num(
        second / (2 * second + activations.sum((2, 3), keepdim=True) * third)
    )  # no gradient: 0 / 0
    expected = ((alpha * first.relu()).sum((2, 3), keepdim=True) * activations).sum(1).relu()
    result = explain(model, inputs, "smooth-grad-cam++", 1, engine=fixed_engine(2), **options)
    assert_close(result.values, expected, 1e-6)
    assert (result.cost.forward, result.cost.backward) == (2 * (samples + 1), 2 * samples)
