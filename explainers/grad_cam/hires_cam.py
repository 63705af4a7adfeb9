"""HiResCAM: activation times gradient at every place.

Draelos & Carin 2020 (arXiv:2011.08891)."""

from __future__ import annotations

from torch import Tensor

from explainers.core.target import Target
from explainers.engine.layer_capture import LayerCapture
from explainers.engine.run import Run
from explainers.grad_cam._family import COARSE_CAVEAT, SmoothOptions, cam_map, cam_method


@cam_method(
    "hires-cam",
    options=SmoothOptions,
    title="HiResCAM",
    citation="Draelos & Carin 2020, arXiv:2011.08891",
    shows="Activation times gradient at every place: for a network that ends in pooling and one linear layer, each place's share of the score.",
    caveat=COARSE_CAVEAT,
)
def hires_cam(run: Run, inputs: Tensor, target: Target, options: SmoothOptions) -> Tensor:
    """ReLU(sum_c G_c * A_c), (N, h, w)."""
    return cam_map(run, inputs, target, options, hires_cam_terms)


def hires_cam_terms(capture: LayerCapture) -> Tensor:
    return capture.gradients * capture.activations
