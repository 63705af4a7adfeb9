"""Random-CAM: a CAM that knows nothing, for the others to be better than.

Gildenblat et al. 2021, pytorch-grad-cam."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from explainers.core.options import LayerOptions
from explainers.core.rng import seeded_generator
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.grad_cam._family import COARSE_CAVEAT, forward_cam_method


class RandomCamOptions(LayerOptions):
    seed: int = Field(0, ge=0, description="Seed of the weights.")


@forward_cam_method(
    "random-cam",
    options=RandomCamOptions,
    title="Random-CAM",
    highlights="where channels are active, weighted at random, whatever the class,",
    unit="units of activation",
    citation="Gildenblat et al. 2021, pytorch-grad-cam (RandomCAM)",
    shows="Channels of the layer added up with random weights: a baseline. What it highlights, the layer highlights by itself.",
    caveat=COARSE_CAVEAT
    + " It does not look at the score at all; a map no better than this one says nothing about the target.",
)
def random_cam(run: Run, inputs: Tensor, target: Target, options: RandomCamOptions) -> Tensor:
    """ReLU(sum_c w_c A_c) with w_c uniform from -1 to 1, the same for every input, (N, h, w)."""
    (activations,) = run.activations(inputs, [options.layer])
    weights = 2 * torch.rand(activations.shape[1], generator=seeded_generator("cpu", options.seed)) - 1
    return torch.einsum("c,nchw->nhw", weights.to(activations), activations).relu()
