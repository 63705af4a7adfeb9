"""Grad-CAM: channels weighted by their mean gradient; and the same element by element.

Selvaraju et al. 2017 (arXiv:1610.02391)."""

from __future__ import annotations

from torch import Tensor

from explainers.core.target import Target
from explainers.engine.layer_capture import LayerCapture
from explainers.engine.run import Run
from explainers.grad_cam._family import COARSE_CAVEAT, SmoothOptions, cam_map, cam_method


@cam_method(
    "grad-cam",
    options=SmoothOptions,
    title="Grad-CAM",
    citation="Selvaraju et al. 2017, arXiv:1610.02391",
    shows="Channels of the layer added up, each weighted by how much the score grows with it on average.",
    caveat=COARSE_CAVEAT + " Averaging the gradient can light a place that did not matter (see HiResCAM).",
)
def grad_cam(run: Run, inputs: Tensor, target: Target, options: SmoothOptions) -> Tensor:
    """ReLU(sum_c mean(G_c) A_c), (N, h, w)."""
    return cam_map(run, inputs, target, options, grad_cam_terms)


def grad_cam_terms(capture: LayerCapture) -> Tensor:
    return capture.gradients.mean((2, 3), keepdim=True) * capture.activations


@cam_method(
    "grad-cam-element-wise",
    options=SmoothOptions,
    title="Grad-CAM, element by element",
    citation="Gildenblat et al. 2021, pytorch-grad-cam (GradCAMElementWise)",
    shows="Activation times gradient of every channel at every place, the positive ones added up: what speaks for the score, whatever speaks against it.",
    caveat=COARSE_CAVEAT
    + " Channels that speak against the score at a place do not darken it, so much of the map may cancel in the network.",
)
def grad_cam_element_wise(run: Run, inputs: Tensor, target: Target, options: SmoothOptions) -> Tensor:
    """sum_c ReLU(G_c * A_c), (N, h, w)."""
    return cam_map(run, inputs, target, options, lambda capture: (capture.gradients * capture.activations).relu())
