"""EigenGradCAM: the first principal component of activation times gradient.

Gildenblat et al. 2021, pytorch-grad-cam."""

from __future__ import annotations

from torch import Tensor

from explainers.core.cost import Cost
from explainers.core.options import LayerOptions
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.grad_cam._family import COARSE_CAVEAT, cam_method
from explainers.grad_cam._principal_component import principal_map


@cam_method(
    "eigen-grad-cam",
    options=LayerOptions,
    title="EigenGradCAM",
    cost=lambda shape, options: Cost(shape[0], shape[0]),
    citation="Gildenblat et al. 2021, pytorch-grad-cam; after Muhammad & Yeasin 2020, arXiv:2008.00299",
    shows="The strongest common pattern of activation times gradient (first principal component): Eigen-CAM that knows the class.",
    caveat=COARSE_CAVEAT + " Its sign is a convention: it agrees with the sum over the channels.",
)
def eigen_grad_cam(run: Run, inputs: Tensor, target: Target, options: LayerOptions) -> Tensor:
    """Projection of the centred products G * A on their first right singular vector, (N, h, w)."""
    (capture,) = run.capture(inputs, [options.layer], target)
    return principal_map(capture.gradients * capture.activations)
