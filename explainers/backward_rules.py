"""Other rules for the way back through a ReLU: deconvolution, and guided backpropagation seen through Grad-CAM."""

from __future__ import annotations

import torch.nn.functional as F
from captum.attr import Deconvolution
from torch import Tensor

from explainers.core.attribution import Cost
from explainers.core.captum_adapter import attribute_with_captum
from explainers.core.model import Needs
from explainers.core.options import NoOptions
from explainers.core.run import Run
from explainers.core.target import Target
from explainers.grad_cam import CamOptions, SmoothOptions, grad_cam
from explainers.saliency import guided_backprop, saliency


@saliency(
    "deconvolution",
    title="Deconvolution",
    unit="score per unit of input",
    cost=lambda shape, options: Cost(shape[0] * 2, shape[0]),
    citation="Zeiler & Fergus 2013, arXiv:1311.2901",
    shows="The score sent back to the input with negative values cut off at every ReLU, whether or not that ReLU was on: "
    "the kind of pattern that would excite the network.",
    caveat="It hardly depends on the class or on the upper layers (Nie, Zhang & Patel 2018, arXiv:1805.07039), and but for "
    "pooling not even on the picture. A network without ReLUs gives the plain gradient.",
)
def deconvolution(run: Run, inputs: Tensor, target: Target, options: NoOptions) -> Tensor:
    """d score / d input with every ReLU replaced, on the way back, by a ReLU of what comes back, (N, ...).

    Captum's, on a copy with its own ReLUs.
    """
    return attribute_with_captum(
        run, inputs, target, lambda network, rows, _: Deconvolution(network).attribute(rows), Cost(1, 1)
    )


@saliency(
    "guided-grad-cam",
    title="Guided Grad-CAM",
    unit="relative strength",
    needs=Needs.LAYERS | Needs.GRADIENTS | Needs.IMAGES,
    cost=lambda shape, options: Cost(shape[0] * 2, shape[0] * 2),
    citation="Selvaraju et al. 2017, arXiv:1610.02391",
    shows="Guided backpropagation where Grad-CAM is bright: fine lines, kept to where the layer's evidence for the class lies.",
    caveat="The place comes from Grad-CAM and depends on the class; the lines come from guided backpropagation and hardly do: "
    "they are edges of the picture rather than reasons.",
)
def guided_grad_cam(run: Run, inputs: Tensor, target: Target, options: CamOptions) -> Tensor:
    """Guided backpropagation times Grad-CAM at a layer, enlarged bilinearly to the input's size, (N, C, H, W)."""
    where = grad_cam(run, inputs, target, SmoothOptions.model_validate(options.model_dump())).unsqueeze(1)
    enlarged = F.interpolate(where, inputs.shape[-2:], mode="bilinear", align_corners=False)
    return enlarged * guided_backprop(run, inputs, target, NoOptions())
