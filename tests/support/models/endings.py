"""A small network with something after its logits, also where rewriting it must find its way."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.support.models.networks import small_cnn


class Ending(nn.Module):
    """A small network with something after its logits."""

    def __init__(self, last) -> None:
        super().__init__()
        self.body = small_cnn(torch.float64)
        self.last = last

    def forward(self, inputs: Tensor) -> Tensor:
        return self.last(self.body(inputs))
