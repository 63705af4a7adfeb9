"""Grad-CAM++: weights under which several copies of an object each count.

Chattopadhay et al. 2018 (arXiv:1710.11063)."""

from __future__ import annotations

import torch
from torch import Tensor

from explainers.core.target import Target
from explainers.engine.layer_capture import LayerCapture
from explainers.engine.run import Run
from explainers.grad_cam._family import COARSE_CAVEAT, SmoothOptions, cam_map, cam_method


@cam_method(
    "grad-cam++",
    options=SmoothOptions,
    title="Grad-CAM++",
    citation="Chattopadhay et al. 2018, arXiv:1710.11063",
    shows="Like Grad-CAM, with weights made so that several copies of an object each count.",
    caveat=COARSE_CAVEAT + " Its weights assume an exponential score; negative evidence is left out.",
)
def grad_cam_plus_plus(run: Run, inputs: Tensor, target: Target, options: SmoothOptions) -> Tensor:
    """ReLU(sum_c w_c A_c) with w_c = sum(alpha * ReLU(G_c)) and alpha = G^2 / (2 G^2 + sum(A) G^3), (N, h, w)."""
    return cam_map(run, inputs, target, options, grad_cam_plus_plus_terms)


def grad_cam_plus_plus_terms(capture: LayerCapture) -> Tensor:
    # alpha * ReLU(G) without its powers of G: ReLU(G) / (2 + sum(A) ReLU(G)), which is 0 where the formula has 0 / 0.
    rising = capture.gradients.relu()
    denominator = torch.addcmul(rising.new_tensor(2.0), capture.activations.sum((2, 3), keepdim=True), rising)
    shares = (rising / denominator).where(denominator != 0, 0)
    return shares.sum((2, 3), keepdim=True) * capture.activations
