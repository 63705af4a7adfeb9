"""The first principal component of the channels of a map."""

from __future__ import annotations

import numpy as np
import torch
from scipy.linalg import eigh
from torch import Tensor


def principal_map(maps: Tensor) -> Tensor:
    """Positions projected on the first principal component of their channels: (N, C, h, w) to (N, h, w).

    Its sign is a convention: it agrees with the sum of the channels.
    """
    positions = maps.flatten(2).transpose(1, 2)  # (N, hw, C)
    centred = positions - positions.mean(1, keepdim=True)
    count, channels = centred.shape[1:]
    # Of the two Gram matrices the smaller one. Apple GPUs know no float64.
    if count <= channels:
        first = _leading_eigenvectors(centred @ centred.transpose(1, 2))  # (N, hw), unit length
        projected = first * torch.linalg.vector_norm(torch.einsum("np,npc->nc", first, centred), dim=1, keepdim=True)
    else:
        projected = torch.einsum("npc,nc->np", centred, _leading_eigenvectors(centred.transpose(1, 2) @ centred))
    return agreeing_with_sum(projected, centred).reshape(-1, *maps.shape[-2:])


def _leading_eigenvectors(matrices: Tensor) -> Tensor:
    """The eigenvector of the largest eigenvalue of symmetric matrices (N, n, n), (N, n): a third of the time of all of them."""
    last = matrices.shape[-1] - 1
    vectors = [eigh(matrix, subset_by_index=[last, last])[1][:, 0] for matrix in matrices.cpu().double().numpy()]
    return torch.from_numpy(np.stack(vectors)).to(matrices)


def agreeing_with_sum(projected: Tensor, centred: Tensor) -> Tensor:
    """Projections (N, hw), turned round where they run against the sum of the channels (N, hw, C)."""
    agrees = (projected * centred.sum(2)).sum(1, keepdim=True)
    return torch.where(agrees < 0, -projected, projected)
