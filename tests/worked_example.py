"""Activations and gradients of a layer, small enough to work out every CAM by hand."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Weighed(nn.Module):
    """The layer `maps` passes its two channels on; the score is the sum of both, each place times its weight.

    So the activations of `maps` are the input and their gradients the weights.
    """

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.maps = nn.Conv2d(2, 2, 1, bias=False).double()
        self.maps.weight.data = torch.eye(2, dtype=torch.float64).view(2, 2, 1, 1)
        self.weights = nn.Parameter(weights.double())

    def forward(self, inputs: Tensor) -> Tensor:
        score = (self.maps(inputs) * self.weights).flatten(1).sum(1, keepdim=True)
        return torch.cat([score, -2 * score], 1)


ACTIVATIONS = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]], [[6.0, 1.0], [1.0, 0.0]]]], dtype=torch.float64)
GRADIENTS = torch.tensor([[[-1.0, 0.0], [1.0, 2.0]], [[2.0, -4.0], [-1.0, 1.0]]], dtype=torch.float64)
PRODUCTS = torch.tensor([[11.0, -4.0], [2.0, 8.0]], dtype=torch.float64)  # gradient x activation, over the channels
