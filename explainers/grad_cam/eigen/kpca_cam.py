"""KPCA-CAM: Eigen-CAM with a kernel.

Karmani et al. 2024 (arXiv:2410.00267)."""

from __future__ import annotations

import enum

import torch
from pydantic import Field
from torch import Tensor

from explainers.core.options import LayerOptions
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.grad_cam._family import COARSE_CAVEAT, forward_cam_method
from explainers.grad_cam._principal_component import agreeing_with_sum
from explainers.grad_cam.eigen.eigen_cam import CLASS_BLIND_CAVEAT


class Kernel(enum.StrEnum):
    """How alike two places are, for kernel PCA; gamma is 1 / channels throughout, as scikit-learn has it."""

    SIGMOID = "sigmoid"  # tanh(gamma x.y + 1)
    RBF = "rbf"  # exp(-gamma |x - y|^2)
    POLYNOMIAL = "polynomial"  # (gamma x.y + 1)^3


class KernelOptions(LayerOptions):
    kernel: Kernel = Field(Kernel.SIGMOID, description="How the likeness of two places is measured.")


@forward_cam_method(
    "kpca-cam",
    options=KernelOptions,
    title="KPCA-CAM",
    highlights="what the channels have most in common, whatever the class,",
    unit="units of activation",
    citation="Karmani et al. 2024, arXiv:2410.00267",
    shows="Eigen-CAM with a kernel: the strongest common pattern of the layer's channels, be it a straight line or a curve.",
    caveat=COARSE_CAVEAT + CLASS_BLIND_CAVEAT,
)
def kpca_cam(run: Run, inputs: Tensor, target: Target, options: KernelOptions) -> Tensor:
    """First component of kernel PCA over the places, (N, h, w)."""
    (activations,) = run.activations(inputs, [options.layer])
    positions = activations.flatten(2).transpose(1, 2)
    centred = positions - positions.mean(1, keepdim=True)
    return agreeing_with_sum(_first_kernel_component(centred, options.kernel), centred).reshape(
        -1, *activations.shape[-2:]
    )


def _first_kernel_component(points: Tensor, kernel: Kernel) -> Tensor:
    """Coordinates (N, P) of the points (N, P, C) along the first component of kernel PCA."""
    exact = points.cpu().double()
    products = exact @ exact.transpose(1, 2) / points.shape[2]
    match kernel:
        case Kernel.SIGMOID:
            kernel_matrix = (products + 1).tanh()
        case Kernel.POLYNOMIAL:
            kernel_matrix = (products + 1) ** 3
        case Kernel.RBF:
            square = products.diagonal(dim1=1, dim2=2)
            kernel_matrix = (2 * products - square.unsqueeze(1) - square.unsqueeze(2)).exp()
        case _:
            raise AssertionError(kernel)
    row_means = kernel_matrix.mean(2, keepdim=True)
    centred = kernel_matrix - row_means - row_means.transpose(1, 2) + row_means.mean(1, keepdim=True)
    values, vectors = torch.linalg.eigh(centred)
    first: Tensor = vectors[..., -1] * values[:, -1:].clamp_min(0).sqrt()
    return first.to(points)
