"""Opti-CAM: the weights of the channels are looked for, step by step, instead of being read off gradients or scores.

Zhang et al. 2024 (doi:10.1016/j.cviu.2024.104101, arXiv:2301.07002)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from pydantic import Field
from torch import Tensor

from explainers.core.cost import Cost
from explainers.core.estimate import Estimate
from explainers.core.options import LayerOptions
from explainers.core.target import Target
from explainers.engine.mixed_precision import at_least_float32
from explainers.engine.run import Run
from explainers.grad_cam._family import COARSE_CAVEAT, cam_method
from explainers.grad_cam.masking._family import channel_masks


class OptiCamOptions(LayerOptions):
    steps: int = Field(50, ge=1, le=500, description="Steps of the search; each makes one pass forward and back.")
    rate: float = Field(0.1, gt=0, le=1, description="How far each step goes: the learning rate of Adam.")


@cam_method(
    "opti-cam",
    options=OptiCamOptions,
    title="Opti-CAM",
    unit="weighted activation",
    cost=lambda shape, options: Cost(shape[0] * (options.steps + 1), shape[0] * options.steps),
    citation="Zhang et al. 2024, doi:10.1016/j.cviu.2024.104101, arXiv:2301.07002",
    shows="Channels of the layer added up, with the weights under which the picture, seen through the map alone, scores highest.",
    caveat=COARSE_CAVEAT
    + " Pictures darkened by masks are ones that the model never saw, and the search looks for those that it likes: "
    "it may end at a mask that fools the model rather than at its evidence.",
)
def opti_cam(run: Run, input: Tensor, target: Target, options: OptiCamOptions) -> Iterator[Estimate]:
    """sum_c softmax(u)_c ReLU(A_c), (h, w), with u found by Adam so that score(input * mask) grows; the mask is the map, enlarged
    and stretched from 0 to 1."""
    channels = run.activations(input, [options.layer])[0].relu()
    target = run.resolve(input, target)  # by the pass just made
    channels = at_least_float32(channels)  # Adam divides by squares of gradients, which vanish in half the bits
    weights = channels.new_zeros(channels.shape[1]).requires_grad_()
    optimizer = torch.optim.Adam([weights], options.rate)

    def weighted_map() -> Tensor:
        return torch.einsum("c,nchw->nhw", weights.softmax(0), channels)

    for step in range(options.steps):
        with torch.enable_grad():
            masked = (channel_masks(weighted_map(), input.shape[-2:]) * input).to(input)
        (gradient,) = run.passes.chunks("gradient", 1, partial(_gradient, run, masked, target), forward=1, backward=1)
        (weights.grad,) = torch.autograd.grad(masked, weights, -gradient)
        optimizer.step()
        yield Estimate(weighted_map().detach()[0], (step + 1) / options.steps)


def _gradient(run: Run, masked: Tensor, target: Target, rows: slice) -> Tensor:
    return run.gradient(masked, target)[1]
