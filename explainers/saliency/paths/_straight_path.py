"""The straight path from a baseline to the input, and where on it integrals are best read."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from explainers.engine.variant_gradients import Variants


def straight_path(baseline: Tensor, alphas: Tensor, weights: Tensor) -> Variants:
    """Points on the straight line from the baselines (N, ...) to the inputs.

    Args:
        alphas: (steps,), from 0 (the baseline) to 1 (the input).
        weights: (steps,), of each point in sums over the path.
    """

    def interpolate(rows: Tensor, input_index: Tensor, variant_index: Tensor) -> Tensor:
        return torch.lerp(baseline[input_index], rows, alphas[variant_index].view(-1, *[1] * (rows.ndim - 1)))

    return Variants(len(alphas), interpolate, weights)


def gauss_legendre(inputs: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Points in (0, 1) and their weights, which sum to 1, by Gauss and Legendre; in the dtype of the inputs."""
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    return torch.from_numpy((nodes + 1) / 2).to(inputs), torch.from_numpy(weights / 2).to(inputs)
