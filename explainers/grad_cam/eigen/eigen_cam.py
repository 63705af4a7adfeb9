"""Eigen-CAM: the first principal component of a layer's channels, whatever the class.

Muhammad & Yeasin 2020 (arXiv:2008.00299)."""

from __future__ import annotations

from torch import Tensor

from explainers.core.options import LayerOptions
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.grad_cam._family import COARSE_CAVEAT, forward_cam_method
from explainers.grad_cam._principal_component import principal_map

CLASS_BLIND_CAVEAT = (
    " It does not look at the score at all: every target gives the same map, and its sign is a convention (it agrees with "
    "the mean activation)."
)


@forward_cam_method(
    "eigen-cam",
    options=LayerOptions,
    title="Eigen-CAM",
    highlights="what the channels have most in common, whatever the class,",
    unit="units of activation",
    citation="Muhammad & Yeasin 2020, arXiv:2008.00299",
    shows="The strongest common pattern of the layer's channels (first principal component), whatever the class.",
    caveat=COARSE_CAVEAT + CLASS_BLIND_CAVEAT,
)
def eigen_cam(run: Run, inputs: Tensor, target: Target, options: LayerOptions) -> Tensor:
    """Projection of the centred activations on their first right singular vector, (N, h, w)."""
    return principal_map(run.activations(inputs, [options.layer])[0])
