"""Smooth Grad-CAM++: Grad-CAM++ whose gradients are averaged over noisy copies of the input.

Omeiza et al. 2019 (arXiv:1908.01224)."""

from __future__ import annotations

import torch
from torch import Tensor

from explainers.core.cost import Cost
from explainers.core.options import LayerOptions
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.engine.variant_gradients import variant_captures
from explainers.grad_cam._family import COARSE_CAVEAT, cam_method
from explainers.inputs.noise import NoisyCopiesOptions, noisy_copies


class SmoothCamOptions(LayerOptions, NoisyCopiesOptions):
    """A layer, and noise as SmoothGrad's."""


@cam_method(
    "smooth-grad-cam++",
    options=SmoothCamOptions,
    title="Smooth Grad-CAM++",
    cost=lambda shape, options: Cost(shape[0] * (options.samples + 1), shape[0] * options.samples),
    citation="Omeiza et al. 2019, arXiv:1908.01224",
    shows="Grad-CAM++ with gradients averaged over noisy copies of the input: what the layer's weights have in common near the input.",
    caveat=COARSE_CAVEAT
    + " Its weights assume an exponential score; negative evidence is left out. They explain the neighbourhood of the input rather than the input.",
)
def smooth_grad_cam_plus_plus(run: Run, inputs: Tensor, target: Target, options: SmoothCamOptions) -> Tensor:
    """ReLU(sum_c w_c A_c) with w_c = sum(alpha * ReLU(D1)) and alpha = D2 / (2 D2 + sum(A) D3), (N, h, w).

    A is of the input itself; D1, D2 and D3 are the gradient, its square and its cube, averaged over the noisy copies.
    """
    (activations,) = run.activations(inputs, [options.layer])
    first, second, third = (torch.zeros_like(activations) for _ in range(3))
    copies = noisy_copies(inputs, options)
    for input_index, _, capture in variant_captures(run, inputs, options.layer, target, copies):
        for power, total in enumerate((first, second, third), 1):
            total.index_add_(0, input_index, (capture.gradients**power / options.samples).contiguous())
    denominator = 2 * second + activations.sum((2, 3), keepdim=True) * third
    # Where every gradient is zero so is alpha: 0 / 0 by the formula.
    alpha = torch.where(denominator != 0, second / torch.where(denominator != 0, denominator, 1), 0)
    return ((alpha * first.relu()).sum((2, 3), keepdim=True) * activations).sum(1).relu()
