"""CAMs by decomposition: the strongest common pattern of a layer's channels."""

from __future__ import annotations

import enum

import torch
from pydantic import Field
from torch import Tensor

from explainers.core.attribution import Cost
from explainers.core.run import Run
from explainers.core.target import Target
from explainers.grad_cam import COARSE, CamOptions, agreeing, cam, forward_only, principal_map

_BLIND = (
    " It does not look at the score at all: every target gives the same map, and its sign is a convention (it agrees with "
    "the mean activation)."
)


class Kernel(enum.StrEnum):
    """How alike two places are, for kernel PCA; gamma is 1 / channels throughout, as scikit-learn has it."""

    SIGMOID = "sigmoid"  # tanh(gamma x.y + 1)
    RBF = "rbf"  # exp(-gamma |x - y|^2)
    POLYNOMIAL = "polynomial"  # (gamma x.y + 1)^3


class KernelOptions(CamOptions):
    kernel: Kernel = Field(Kernel.SIGMOID, description="How the likeness of two places is measured.")


@forward_only(
    "eigen-cam",
    title="Eigen-CAM",
    highlights="what the channels have most in common, whatever the class,",
    unit="units of activation",
    citation="Muhammad & Yeasin 2020, arXiv:2008.00299",
    shows="The strongest common pattern of the layer's channels (first principal component), whatever the class.",
    caveat=COARSE + _BLIND,
)
def eigen_cam(run: Run, inputs: Tensor, target: Target, options: CamOptions) -> Tensor:
    """Projection of the centred activations on their first right singular vector, (N, h, w)."""
    return principal_map(run.activations(inputs, [options.layer])[0])


@cam(
    "eigen-grad-cam",
    title="EigenGradCAM",
    cost=lambda shape, options: Cost(shape[0], shape[0]),
    citation="Gildenblat et al. 2021, pytorch-grad-cam; after Muhammad & Yeasin 2020, arXiv:2008.00299",
    shows="The strongest common pattern of activation times gradient (first principal component): Eigen-CAM that knows the class.",
    caveat=COARSE + " Its sign is a convention: it agrees with the sum over the channels.",
)
def eigen_grad_cam(run: Run, inputs: Tensor, target: Target, options: CamOptions) -> Tensor:
    """Projection of the centred products G * A on their first right singular vector, (N, h, w)."""
    (capture,) = run.capture(inputs, [options.layer], target)
    return principal_map(capture.gradients * capture.activations)


@cam(
    "seg-eigen-cam",
    title="Seg-Eigen-CAM",
    cost=lambda shape, options: Cost(shape[0], shape[0]),
    citation="Chung & Ying 2025, doi:10.3390/app15137562",
    shows="The strongest common pattern of the activations, each weighted by the size of its gradient (first principal component): made for segmentation, where a class has many places.",
    caveat=COARSE
    + " Slopes for and against the score count alike. Its sign is a convention: the value farthest from zero is positive.",
)
def seg_eigen_cam(run: Run, inputs: Tensor, target: Target, options: CamOptions) -> Tensor:
    """Projection of the centred products |G| * A on their first right singular vector, (N, h, w)."""
    (capture,) = run.capture(inputs, [options.layer], target)
    projected = principal_map(capture.gradients.abs() * capture.activations)
    low, high = projected.amin((1, 2), keepdim=True), projected.amax((1, 2), keepdim=True)
    return torch.where(-low > high, -projected, projected)


@forward_only(
    "kpca-cam",
    title="KPCA-CAM",
    highlights="what the channels have most in common, whatever the class,",
    unit="units of activation",
    citation="Karmani et al. 2024, arXiv:2410.00267",
    shows="Eigen-CAM with a kernel: the strongest common pattern of the layer's channels, be it a straight line or a curve.",
    caveat=COARSE + _BLIND,
)
def kpca_cam(run: Run, inputs: Tensor, target: Target, options: KernelOptions) -> Tensor:
    """First component of kernel PCA over the places, (N, h, w)."""
    (activations,) = run.activations(inputs, [options.layer])
    positions = activations.flatten(2).transpose(1, 2)
    centred = positions - positions.mean(1, keepdim=True)
    return agreeing(_first_kernel_component(centred, options.kernel), centred).reshape(-1, *activations.shape[-2:])


def _first_kernel_component(points: Tensor, kernel: Kernel) -> Tensor:
    """Coordinates (N, P) of the points (N, P, C) along the first component of kernel PCA."""
    exact = points.cpu().double()
    products = exact @ exact.transpose(1, 2) / points.shape[2]
    match kernel:
        case Kernel.SIGMOID:
            alike = (products + 1).tanh()
        case Kernel.POLYNOMIAL:
            alike = (products + 1) ** 3
        case Kernel.RBF:
            square = products.diagonal(dim1=1, dim2=2)
            alike = (2 * products - square.unsqueeze(1) - square.unsqueeze(2)).exp()
        case _:
            raise AssertionError(kernel)
    rows = alike.mean(2, keepdim=True)
    centred = alike - rows - rows.transpose(1, 2) + rows.mean(1, keepdim=True)
    values, vectors = torch.linalg.eigh(centred)
    first: Tensor = vectors[..., -1] * values[:, -1:].clamp_min(0).sqrt()
    return first.to(points)
