"""XGrad-CAM: gradients weighted by the activations they belong to.

Fu et al. 2020 (arXiv:2008.02312)."""

from __future__ import annotations

import torch
from torch import Tensor

from explainers.core.target import Target
from explainers.engine.layer_capture import LayerCapture
from explainers.engine.run import Run
from explainers.grad_cam._family import COARSE_CAVEAT, SmoothOptions, cam_map, cam_method


@cam_method(
    "xgrad-cam",
    options=SmoothOptions,
    title="XGrad-CAM",
    citation="Fu et al. 2020, arXiv:2008.02312",
    shows="Like Grad-CAM, with gradients weighted by the activations they belong to.",
    caveat=COARSE_CAVEAT + " Channels whose activations sum to zero have no weight.",
)
def xgrad_cam(run: Run, inputs: Tensor, target: Target, options: SmoothOptions) -> Tensor:
    """ReLU(sum_c w_c A_c) with w_c = sum(G_c * A_c) / sum(A_c), (N, h, w)."""
    return cam_map(run, inputs, target, options, xgrad_cam_terms)


def xgrad_cam_terms(capture: LayerCapture) -> Tensor:
    total = capture.activations.sum((2, 3), keepdim=True)
    weighted = (capture.gradients * capture.activations).sum((2, 3), keepdim=True)
    return torch.where(total != 0, weighted / torch.where(total != 0, total, 1), 0) * capture.activations
