"""Worked examples: two channels of 2 x 2 with maps computed by hand, a linear network, and one of two ReLUs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Sums of the activations: 10 and 8; of gradient x activation: -1 + 0 + 3 + 8 = 10 and 12 - 4 - 1 + 0 = 7.
# Means of the gradients: 1/2 and -1/2.
BY_HAND = {
    # A1 / 2 - A2 / 2 = [[-5/2, 1/2], [1, 2]]
    "grad-cam": [[0.0, 0.5], [1.0, 2.0]],
    # -1 + 12 = 11, 0 - 4 < 0, 3 - 1 = 2, 8 + 0 = 8
    "hires-cam": [[11.0, 0.0], [2.0, 8.0]],
    # weights 10/10 and 7/8
    "xgrad-cam": [[1 + 6 * 7 / 8, 2 + 7 / 8], [3 + 7 / 8, 4.0]],
    # the negative gradients -1, -4 and -1 count as zero
    "layer-cam": [[12.0, 0.0], [3.0, 8.0]],
    # the negative products -1, -4 and -1 do
    "grad-cam-element-wise": [[12.0, 0.0], [3.0, 8.0]],
}


# Grad-CAM++: alpha = 1 / (2 + sum(A) G). Channel 1: G = 1 has 1/12, G = 2 has 1/22; channel 2: 2 has 1/18, 1 has 1/10.
W1, W2 = 1 / 12 + 2 / 22, 2 / 18 + 1 / 10

BY_HAND["grad-cam++"] = [[W1 + 6 * W2, 2 * W1 + W2], [3 * W1 + W2, 4 * W1]]


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
LINEAR_WEIGHTS = torch.tensor([[1.0, -2.0], [0.5, 3.0], [-4.0, 0.25]], dtype=torch.float64)
LINEAR_POINT = torch.tensor([[2.0, -1.0, 3.0]], dtype=torch.float64)


class TwoReLUs(nn.Module):
    """relu(2 a - b) - 2 relu(a + b + shift): small enough to differentiate by hand."""

    def __init__(self, shift: float) -> None:
        super().__init__()
        self.first = nn.Linear(2, 2).double()
        self.last = nn.Linear(2, 1, bias=False).double()
        self.first.weight.data = torch.tensor([[2.0, -1.0], [1.0, 1.0]], dtype=torch.float64)
        self.first.bias.data = torch.tensor([0.0, shift], dtype=torch.float64)
        self.last.weight.data = torch.tensor([[1.0, -2.0]], dtype=torch.float64)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.last(self.first(inputs).relu())


def weighted_channels(first: float, second: float) -> Tensor:
    """The channels of ACTIVATIONS added up with two weights, and their ReLU."""
    return (first * ACTIVATIONS[:, 0] + second * ACTIVATIONS[:, 1]).relu()
