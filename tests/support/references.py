"""A reference of a world that is known in closed form."""

from __future__ import annotations

import torch

from explainers.trust.ground.reference import BINS, Reference


def line_reference() -> Reference:
    """A world on a line: one feature with mean 2 and deviation 0.5; distances of pictures held out are 0.01, 0.02, ... 1."""
    return Reference(
        world="points of a line",
        fingerprint="",
        layer="head",
        means=torch.tensor([[2.0]]),
        whitening=torch.tensor([[2.0]]),
        distances=torch.arange(1, 101) / 100,
        right=torch.zeros(BINS, dtype=torch.int64),
        counts=torch.zeros(BINS, dtype=torch.int64),
        measured_on="points of a line",
    )
