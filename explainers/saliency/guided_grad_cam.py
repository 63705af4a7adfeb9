"""Guided Grad-CAM: guided backpropagation where Grad-CAM is bright.

Selvaraju et al. 2017 (arXiv:1610.02391)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from explainers.core.capabilities import Needs
from explainers.core.cost import Cost
from explainers.core.options import LayerOptions, NoOptions
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.grad_cam.grad_cam import grad_cam_terms
from explainers.saliency._family import saliency_method
from explainers.saliency.guided_backprop import guided_backprop


@saliency_method(
    "guided-grad-cam",
    options=LayerOptions,
    title="Guided Grad-CAM",
    unit="relative strength",
    needs=Needs.LAYERS | Needs.GRADIENTS | Needs.IMAGES,
    cost=lambda shape, options: Cost(shape[0] * 2, shape[0] * 2),
    citation="Selvaraju et al. 2017, arXiv:1610.02391",
    shows="Guided backpropagation where Grad-CAM is bright: fine lines, kept to where the layer's evidence for the class lies.",
    caveat="The place comes from Grad-CAM and depends on the class; the lines come from guided backpropagation and hardly do: "
    "they are edges of the picture rather than reasons.",
)
def guided_grad_cam(run: Run, inputs: Tensor, target: Target, options: LayerOptions) -> Tensor:
    """Guided backpropagation times Grad-CAM at a layer, enlarged bilinearly to the input's size, (N, C, H, W)."""
    (capture,) = run.capture(inputs, [options.layer], target)
    cam = grad_cam_terms(capture).sum(1, keepdim=True).relu()
    enlarged = F.interpolate(cam, inputs.shape[-2:], mode="bilinear", align_corners=False)
    return enlarged * guided_backprop(run, inputs, target, NoOptions())
