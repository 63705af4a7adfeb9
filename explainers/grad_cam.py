"""Class activation maps: where in a layer the evidence for a class lies.

All gradient CAMs are different sums over the same capture of a layer: its activations A and the gradients G of the
score, both (N, C, h, w). Maps are ReLU'd as published, at the layer's own resolution, not normalised. Instead of the
sum over channels their first principal component can be shown, and the maps of several views can be averaged.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
import torch
from pydantic import Field
from scipy.linalg import eigh
from torch import Tensor

from explainers.core.attribution import Cost
from explainers.core.layer_capture import LayerCapture
from explainers.core.model import Needs
from explainers.core.options import Options
from explainers.core.registry import explainer
from explainers.core.run import Run
from explainers.core.target import Target

COARSE = (
    "It is as coarse as the layer, stretched over the image: edges in it are not edges in the picture. "
    "It says where the layer's evidence lies, not what it looks for there."
)


class CamOptions(Options):
    layer: str | None = Field(
        None,
        description="The layer to look at; by default the last one with a map over the image.",
        json_schema_extra={"choices": "layers"},
    )


class SmoothOptions(CamOptions):
    eigen_smooth: bool = Field(
        False,
        description="Show what the weighted channels have in common (their first principal component) instead of their sum.",
    )
    aug_smooth: bool = Field(
        False,
        description="Average over six views: the picture and its mirror image, each in three contrasts. Takes six times the passes.",
    )


CONTRASTS = (0.9, 1.0, 1.1)
VIEWS = 2 * len(CONTRASTS)


def gradient_cost(shape: Sequence[int], options: SmoothOptions) -> Cost:
    """One pass forward and back; six more of both, and one to name the class, where views are averaged."""
    return Cost(shape[0] * (VIEWS + 1), shape[0] * VIEWS) if options.aug_smooth else Cost(shape[0], shape[0])


cam = functools.partial(
    explainer, family="cam", needs=Needs.LAYERS | Needs.GRADIENTS | Needs.IMAGES, cost=gradient_cost, signed=False
)
forward_only = functools.partial(cam, needs=Needs.LAYERS | Needs.IMAGES, cost=lambda shape, options: Cost(shape[0], 0))


def cam_map(
    run: Run,
    inputs: Tensor,
    target: Target,
    options: SmoothOptions,
    terms: Callable[[LayerCapture], Tensor],
    curvature: bool = False,
) -> Tensor:
    """ReLU of the terms added up over the channels, or smoothed as the options say, (N, h, w).

    Args:
        terms: (capture) -> what every channel adds at every place, (N, C, h, w).
        curvature: whether the terms need it.
    """

    def maps(rows: Tensor, of: Target) -> Tensor:
        shares = terms(run.capture(rows, [options.layer], of, curvature)[0])
        return (principal_map(shares) if options.eigen_smooth else shares.sum(1)).relu()

    if not options.aug_smooth:
        return maps(inputs, target)
    views = run.derived("views", inputs, _views)
    every = run.resolve(inputs, target).take(list(range(len(inputs))) * VIEWS)
    plain, mirrored = maps(views, every).chunk(2)
    both = plain + mirrored.flip(-1)
    return both.view(len(CONTRASTS), len(inputs), *both.shape[1:]).mean(0) / 2


def _views(inputs: Tensor) -> Tensor:
    """The inputs in every contrast, then their mirror images, (6 N, C, H, W): the views of pytorch-grad-cam."""
    contrasts = torch.cat([inputs * contrast for contrast in CONTRASTS])
    return torch.cat([contrasts, contrasts.flip(-1)])


def principal_map(maps: Tensor) -> Tensor:
    """Places projected on the first principal component of their channels: (N, C, h, w) to (N, h, w).

    Its sign is a convention: it agrees with the sum of the channels.
    """
    positions = maps.flatten(2).transpose(1, 2)  # (N, hw, C)
    centred = positions - positions.mean(1, keepdim=True)
    places, channels = centred.shape[1:]
    # Of the two Gram matrices the smaller one. Apple GPUs know no float64.
    if places <= channels:
        first = _leading(centred @ centred.transpose(1, 2))  # (N, hw), unit length
        projected = first * torch.linalg.vector_norm(torch.einsum("np,npc->nc", first, centred), dim=1, keepdim=True)
    else:
        projected = torch.einsum("npc,nc->np", centred, _leading(centred.transpose(1, 2) @ centred))
    return agreeing(projected, centred).reshape(-1, *maps.shape[-2:])


def _leading(matrices: Tensor) -> Tensor:
    """The eigenvector of the largest eigenvalue of symmetric matrices (N, n, n), (N, n): a third of the time of all of them."""
    last = matrices.shape[-1] - 1
    vectors = [eigh(one, subset_by_index=[last, last])[1][:, 0] for one in matrices.cpu().double().numpy()]
    return torch.from_numpy(np.stack(vectors)).to(matrices)


def agreeing(projected: Tensor, centred: Tensor) -> Tensor:
    """Projections (N, hw), turned round where they run against the sum of the channels (N, hw, C)."""
    agrees = (projected * centred.sum(2)).sum(1, keepdim=True)
    return torch.where(agrees < 0, -projected, projected)


@cam(
    "grad-cam",
    title="Grad-CAM",
    citation="Selvaraju et al. 2017, arXiv:1610.02391",
    shows="Channels of the layer added up, each weighted by how much the score grows with it on average.",
    caveat=COARSE + " Averaging the gradient can light a place that did not matter (see HiResCAM).",
)
def grad_cam(run: Run, inputs: Tensor, target: Target, options: SmoothOptions) -> Tensor:
    """ReLU(sum_c mean(G_c) A_c), (N, h, w)."""
    return cam_map(run, inputs, target, options, grad_cam_terms)


def grad_cam_terms(capture: LayerCapture) -> Tensor:
    return capture.gradients.mean((2, 3), keepdim=True) * capture.activations


@cam(
    "grad-cam++",
    title="Grad-CAM++",
    citation="Chattopadhay et al. 2018, arXiv:1710.11063",
    shows="Like Grad-CAM, with weights made so that several copies of an object each count.",
    caveat=COARSE + " Its weights assume an exponential score; negative evidence is left out.",
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


@cam(
    "hires-cam",
    title="HiResCAM",
    citation="Draelos & Carin 2020, arXiv:2011.08891",
    shows="Activation times gradient at every place: for a network that ends in pooling and one linear layer, each place's share of the score.",
    caveat=COARSE,
)
def hires_cam(run: Run, inputs: Tensor, target: Target, options: SmoothOptions) -> Tensor:
    """ReLU(sum_c G_c * A_c), (N, h, w)."""
    return cam_map(run, inputs, target, options, hires_cam_terms)


def hires_cam_terms(capture: LayerCapture) -> Tensor:
    return capture.gradients * capture.activations


@cam(
    "xgrad-cam",
    title="XGrad-CAM",
    citation="Fu et al. 2020, arXiv:2008.02312",
    shows="Like Grad-CAM, with gradients weighted by the activations they belong to.",
    caveat=COARSE + " Channels whose activations sum to zero have no weight.",
)
def xgrad_cam(run: Run, inputs: Tensor, target: Target, options: SmoothOptions) -> Tensor:
    """ReLU(sum_c w_c A_c) with w_c = sum(G_c * A_c) / sum(A_c), (N, h, w)."""

    return cam_map(run, inputs, target, options, xgrad_cam_terms)


def xgrad_cam_terms(capture: LayerCapture) -> Tensor:
    total = capture.activations.sum((2, 3), keepdim=True)
    weighted = (capture.gradients * capture.activations).sum((2, 3), keepdim=True)
    return torch.where(total != 0, weighted / torch.where(total != 0, total, 1), 0) * capture.activations


@cam(
    "layer-cam",
    title="LayerCAM",
    citation="Jiang et al. 2021, IEEE TIP 30, doi:10.1109/TIP.2021.3089943",
    shows="Every activation weighted by its own positive gradient: finer than Grad-CAM, and usable on early layers.",
    caveat=COARSE + " Only positive gradients count, so it shows no evidence against.",
)
def layer_cam(run: Run, inputs: Tensor, target: Target, options: SmoothOptions) -> Tensor:
    """ReLU(sum_c ReLU(G_c) * A_c), (N, h, w)."""
    return cam_map(run, inputs, target, options, layer_cam_terms)


def layer_cam_terms(capture: LayerCapture) -> Tensor:
    return capture.gradients.relu() * capture.activations


@cam(
    "grad-cam-element-wise",
    title="Grad-CAM, element by element",
    citation="Gildenblat et al. 2021, pytorch-grad-cam (GradCAMElementWise)",
    shows="Activation times gradient of every channel at every place, the positive ones added up: what speaks for the score, whatever speaks against it.",
    caveat=COARSE
    + " Channels that speak against the score at a place do not darken it, so much of the map may cancel in the network.",
)
def grad_cam_element_wise(run: Run, inputs: Tensor, target: Target, options: SmoothOptions) -> Tensor:
    """sum_c ReLU(G_c * A_c), (N, h, w)."""
    return cam_map(run, inputs, target, options, lambda c: (c.gradients * c.activations).relu())
