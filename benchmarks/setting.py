"""What all contenders share: the networks, the inputs, and how large every work is."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torchvision
from torch import Tensor, nn

VIT = "vit_b_16"
LAYERS = {
    "resnet18": "layer4",
    "resnet50": "layer4",
    "mobilenet_v3_small": "features",
    VIT: "encoder.layers.encoder_layer_11.ln_1",
}
"""The networks, and the layer that CAMs look at."""
CONVOLUTIONAL = [name for name in LAYERS if name != VIT]
CLASS = 7
CURVES = "deletion+insertion"
"""The work of covering a picture in the order of a map, and of uncovering it."""
REFERENCES = 10


@dataclass(frozen=True)
class Size:
    """How much work the methods of many passes get.

    Attributes:
        steps: of integrated and expected gradients.
        samples: of SmoothGrad.
        patch, stride: of occlusion, in pixels.
        side: regions along a side of the grid.
        draws: pictures with some regions hidden.
    """

    steps: int = 50
    samples: int = 25
    patch: int = 32
    stride: int = 16
    side: int = 7
    draws: int = 200


SIZES = {name: Size() for name in CONVOLUTIONAL}
# A pass takes ten times that of a ResNet-18.
SIZES[VIT] = Size(steps=8, samples=8, patch=64, stride=40, side=4, draws=24)


def with_random_head(network: nn.Module) -> nn.Module:
    """A transformer of torchvision starts with a head of zeros, through which no gradient comes."""
    head = getattr(getattr(network, "heads", None), "head", None)
    if isinstance(head, nn.Linear):
        nn.init.normal_(head.weight, std=0.02, generator=torch.Generator().manual_seed(0))
    return network


def fresh(name: str, device: torch.device) -> nn.Module:
    """A network with fixed random weights, as torchvision makes it."""
    torch.manual_seed(0)
    network: nn.Module = getattr(torchvision.models, name)(weights=None)
    return with_random_head(network).eval().to(device)


def images(count: int, device: torch.device) -> Tensor:
    return torch.randn(count, 3, 224, 224, generator=torch.Generator().manual_seed(0)).to(device)


def grid_of_regions(side: int, device: torch.device) -> Tensor:
    """The number of every pixel's region, (224, 224), of side x side squares."""
    lines = torch.arange(224, device=device) * side // 224
    return lines[:, None] * side + lines
