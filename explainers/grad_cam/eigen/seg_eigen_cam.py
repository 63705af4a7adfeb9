"""Seg-Eigen-CAM: the first principal component of activations weighted by the size of their gradients.

Chung & Ying 2025 (doi:10.3390/app15137562)."""

from __future__ import annotations

import torch
from torch import Tensor

from explainers.core.cost import Cost
from explainers.core.options import LayerOptions
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.grad_cam._family import COARSE_CAVEAT, cam_method
from explainers.grad_cam._principal_component import principal_map


@cam_method(
    "seg-eigen-cam",
    options=LayerOptions,
    title="Seg-Eigen-CAM",
    cost=lambda shape, options: Cost(shape[0], shape[0]),
    citation="Chung & Ying 2025, doi:10.3390/app15137562",
    shows="The strongest common pattern of the activations, each weighted by the size of its gradient (first principal component): made for segmentation, where a class has many places.",
    caveat=COARSE_CAVEAT
    + " Slopes for and against the score count alike. Its sign is a convention: the value farthest from zero is positive.",
)
def seg_eigen_cam(run: Run, inputs: Tensor, target: Target, options: LayerOptions) -> Tensor:
    """Projection of the centred products |G| * A on their first right singular vector, (N, h, w)."""
    (capture,) = run.capture(inputs, [options.layer], target)
    projected = principal_map(capture.gradients.abs() * capture.activations)
    low, high = projected.amin((1, 2), keepdim=True), projected.amax((1, 2), keepdim=True)
    return torch.where(-low > high, -projected, projected)
