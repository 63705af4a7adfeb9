"""The first principal component of the channels."""

from __future__ import annotations

import torch

from explainers.grad_cam._principal_component import principal_map
from tests.support.models.networks import assert_close, random_inputs


def test_both_ways_to_the_principal_component_agree():
    """With more places than channels the covariance of the channels is decomposed, otherwise that of the places."""
    maps = random_inputs(2, (3, 4, 4), dtype=torch.float64)
    padded = torch.cat([maps, torch.zeros(2, 20, 4, 4, dtype=torch.float64)], 1)
    assert_close(principal_map(maps), principal_map(padded), 1e-9)
    expected = torch.linalg.svdvals((maps - maps.mean((2, 3), keepdim=True)).flatten(2))[:, 0]
    assert_close(torch.linalg.vector_norm(principal_map(maps), dim=(1, 2)), expected, 1e-9)
