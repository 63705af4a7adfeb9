"""Class activation maps: where in a layer the evidence for a class lies.

All gradient CAMs are different sums over the same capture of a layer: its activations A and the gradients G of the
score, both (N, C, h, w). Maps are ReLU'd as published, at the layer's own resolution, not normalised.
"""

from __future__ import annotations

import functools

import torch
from pydantic import Field
from torch import Tensor

from explainers.core.attribution import Cost
from explainers.core.model import Needs
from explainers.core.options import Options
from explainers.core.registry import explainer
from explainers.core.run import Capture, Run
from explainers.core.target import Target

_CAVEAT = (
    "It is as coarse as the layer, stretched over the image: edges in it are not edges in the picture. "
    "It says where the layer's evidence lies, not what it looks for there."
)


class CamOptions(Options):
    layer: str | None = Field(
        None,
        description="The layer to look at; by default the last one with a map over the image.",
        json_schema_extra={"choices": "layers"},
    )


cam = functools.partial(
    explainer,
    family="cam",
    needs=Needs.LAYERS | Needs.GRADIENTS | Needs.IMAGES,
    cost=lambda shape, options: Cost(shape[0], shape[0]),
    signed=False,
)


def _captured(run: Run, inputs: Tensor, target: Target, options: CamOptions) -> Capture:
    return run.capture(inputs, [options.layer], target)[0]


def _weighted(weights: Tensor, capture: Capture) -> Tensor:
    """ReLU of the sum of channels, each times its weight (N, C): (N, h, w)."""
    return torch.einsum("nc,nchw->nhw", weights, capture.activations).relu()


@cam(
    "grad-cam",
    title="Grad-CAM",
    citation="Selvaraju et al. 2017, arXiv:1610.02391",
    shows="Channels of the layer added up, each weighted by how much the score grows with it on average.",
    caveat=_CAVEAT + " Averaging the gradient can light a place that did not matter (see HiResCAM).",
)
def grad_cam(run: Run, inputs: Tensor, target: Target, options: CamOptions) -> Tensor:
    """ReLU(sum_c mean(G_c) A_c), (N, h, w)."""
    capture = _captured(run, inputs, target, options)
    return _weighted(capture.gradients.mean((2, 3)), capture)


@cam(
    "grad-cam++",
    title="Grad-CAM++",
    citation="Chattopadhay et al. 2018, arXiv:1710.11063",
    shows="Like Grad-CAM, with weights made so that several copies of an object each count.",
    caveat=_CAVEAT + " Its weights assume an exponential score; negative evidence is left out.",
)
def grad_cam_plus_plus(run: Run, inputs: Tensor, target: Target, options: CamOptions) -> Tensor:
    """ReLU(sum_c w_c A_c) with w_c = sum(alpha * ReLU(G_c)) and alpha = G^2 / (2 G^2 + sum(A) G^3), (N, h, w)."""
    capture = _captured(run, inputs, target, options)
    gradients = capture.gradients
    square = gradients.square()
    denominator = 2 * square + capture.activations.sum((2, 3), keepdim=True) * square * gradients
    # Where the gradient is zero so is alpha: 0 / 0 by the formula.
    alpha = torch.where(denominator != 0, square / torch.where(denominator != 0, denominator, 1), 0)
    return _weighted((alpha * gradients.relu()).sum((2, 3)), capture)


@cam(
    "hires-cam",
    title="HiResCAM",
    citation="Draelos & Carin 2020, arXiv:2011.08891",
    shows="Activation times gradient at every place: for a network that ends in pooling and one linear layer, each place's share of the score.",
    caveat=_CAVEAT,
)
def hires_cam(run: Run, inputs: Tensor, target: Target, options: CamOptions) -> Tensor:
    """ReLU(sum_c G_c * A_c), (N, h, w)."""
    capture = _captured(run, inputs, target, options)
    return torch.einsum("nchw,nchw->nhw", capture.gradients, capture.activations).relu()


@cam(
    "xgrad-cam",
    title="XGrad-CAM",
    citation="Fu et al. 2020, arXiv:2008.02312",
    shows="Like Grad-CAM, with gradients weighted by the activations they belong to.",
    caveat=_CAVEAT + " Channels whose activations sum to zero have no weight.",
)
def xgrad_cam(run: Run, inputs: Tensor, target: Target, options: CamOptions) -> Tensor:
    """ReLU(sum_c w_c A_c) with w_c = sum(G_c * A_c) / sum(A_c), (N, h, w)."""
    capture = _captured(run, inputs, target, options)
    total = capture.activations.sum((2, 3))
    weighted = torch.einsum("nchw,nchw->nc", capture.gradients, capture.activations)
    return _weighted(torch.where(total != 0, weighted / torch.where(total != 0, total, 1), 0), capture)


@cam(
    "layer-cam",
    title="LayerCAM",
    citation="Jiang et al. 2021, IEEE TIP 30, doi:10.1109/TIP.2021.3089943",
    shows="Every activation weighted by its own positive gradient: finer than Grad-CAM, and usable on early layers.",
    caveat=_CAVEAT + " Only positive gradients count, so it shows no evidence against.",
)
def layer_cam(run: Run, inputs: Tensor, target: Target, options: CamOptions) -> Tensor:
    """ReLU(sum_c ReLU(G_c) * A_c), (N, h, w)."""
    capture = _captured(run, inputs, target, options)
    return torch.einsum("nchw,nchw->nhw", capture.gradients.relu(), capture.activations).relu()


@cam(
    "eigen-cam",
    title="Eigen-CAM",
    citation="Muhammad & Yeasin 2020, arXiv:2008.00299",
    shows="The strongest common pattern of the layer's channels (first principal component), whatever the class.",
    caveat=_CAVEAT
    + " It does not look at the score at all: every target gives the same map, and its sign is a convention (it agrees with the mean activation).",
)
def eigen_cam(run: Run, inputs: Tensor, target: Target, options: CamOptions) -> Tensor:
    """Projection of the centred activations on their first right singular vector, (N, h, w)."""
    capture = _captured(run, inputs, target, options)
    positions = capture.activations.flatten(2).transpose(1, 2)  # (N, hw, C)
    centred = positions - positions.mean(1, keepdim=True)
    # The Gram matrix of the positions is small (49 x 49), the channels are many. Apple GPUs know no float64.
    _, vectors = torch.linalg.eigh((centred @ centred.transpose(1, 2)).cpu().double())
    first = vectors[..., -1].to(centred)  # (N, hw), unit length
    projected = first * torch.linalg.vector_norm(torch.einsum("np,npc->nc", first, centred), dim=1, keepdim=True)
    agrees = (projected * centred.sum(2)).sum(1, keepdim=True)
    projected = torch.where(agrees < 0, -projected, projected)
    return projected.reshape(-1, *capture.activations.shape[-2:])
