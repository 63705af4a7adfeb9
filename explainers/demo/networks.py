"""The demo networks: a residual CNN, a vision transformer and a two-layer perceptron.

The image networks take RGB in [0, 1] normalised with PIXEL_MEAN and PIXEL_STD, (N, 3, 96, 96), and give
logits, (N, classes). Every activation is a module of its own and none works in place, so that hooks see each one.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final

import torch
from safetensors import safe_open
from torch import Tensor, nn

PIXEL_MEAN: Final = (0.5, 0.5, 0.5)
PIXEL_STD: Final = (0.5, 0.5, 0.5)
"""Per channel, on pixels in [0, 1]."""


def conv3x3(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    """A 3 x 3 convolution that keeps the size at stride 1; no bias, since batch normalisation follows."""
    return nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut (He et al. 2015, arXiv:1512.03385)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = conv3x3(inputs, outputs, stride)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu1 = nn.ReLU()
        self.conv2 = conv3x3(outputs, outputs)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            projection = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(projection, nn.BatchNorm2d(outputs))
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu1(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return self.relu2(y + self.downsample(x))  # type: ignore[no-any-return]


class SignsCNN(nn.Module):
    """A small residual network; `layer4` gives (N, channels, 12, 12) for 96 x 96 pixels.

    Global average pooling and one linear layer follow, so that every logit is a sum over the places of `layer4`.
    """

    def __init__(self, classes: int = 12, widths: tuple[int, int, int, int] = (16, 32, 64, 64)) -> None:
        super().__init__()
        w1, w2, w3, w4 = widths
        self.stem = nn.Sequential(
            OrderedDict(conv=conv3x3(3, w1, 2), bn=nn.BatchNorm2d(w1), relu=nn.ReLU()),
        )
        self.layer1 = nn.Sequential(ResidualBlock(w1, w1, 1))
        self.layer2 = nn.Sequential(ResidualBlock(w1, w2, 2))
        self.layer3 = nn.Sequential(ResidualBlock(w2, w3, 2))
        self.layer4 = nn.Sequential(ResidualBlock(w3, w4, 1))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(w4, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer2(self.layer1(self.stem(x)))
        x = self.layer4(self.layer3(x))
        return self.fc(self.pool(x).flatten(1))  # type: ignore[no-any-return]


class TransformerBlock(nn.Module):
    """Pre-norm self-attention and perceptron, each beside a shortcut."""

    def __init__(self, width: int, heads: int, expansion: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            OrderedDict(fc1=nn.Linear(width, expansion * width), act=nn.GELU(), fc2=nn.Linear(expansion * width, width))
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)
        x = x + self.attn(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.norm2(x))  # type: ignore[no-any-return]


class PatchEmbedding(nn.Sequential):
    """A token for each 8 x 8 patch, (N, 3, 96, 96) to (N, width, 12, 12).

    Three strided convolutions instead of one of 8 x 8: they learn from far fewer pictures
    (Xiao et al. 2021, arXiv:2106.14881).
    """

    def __init__(self, width: int) -> None:
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        widths = (3, 16, 32, width)
        for i, (inputs, outputs) in enumerate(itertools.pairwise(widths), 1):
            layers |= {
                f"conv{i}": conv3x3(inputs, outputs, 2),
                f"bn{i}": nn.BatchNorm2d(outputs),
                f"relu{i}": nn.ReLU(),
            }
        layers["proj"] = nn.Conv2d(width, width, 1)
        super().__init__(layers)


class SignsViT(nn.Module):
    """A small vision transformer (Dosovitskiy et al. 2020, arXiv:2010.11929): token 0 is the class token,
    tokens 1..144 are the patches of a 96 x 96 picture, 12 to a row, row by row."""

    def __init__(self, classes: int = 12, patches: int = 144, width: int = 64, depth: int = 4, heads: int = 4) -> None:
        super().__init__()
        self.patch_embed = PatchEmbedding(width)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + patches, width))
        self.blocks = nn.Sequential(*(TransformerBlock(width, heads, 3) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)
        for parameter in (self.cls_token, self.pos_embed):
            nn.init.trunc_normal_(parameter, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        patches = self.patch_embed(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.cls_token.expand(len(x), -1, -1), patches], 1) + self.pos_embed
        return self.head(self.norm(self.blocks(tokens))[:, 0])  # type: ignore[no-any-return]


class SimpleClassifier(nn.Module):
    """A perceptron with one hidden layer, 10 -> 5 -> 1: (N, 10) to (N, 1)."""

    def __init__(self, features: int = 10, hidden: int = 5) -> None:
        super().__init__()
        self.fc1 = nn.Linear(features, hidden)
        self.relu = nn.ReLU()
        self.fc2 = nn.Linear(hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(self.relu(self.fc1(x)))  # type: ignore[no-any-return]


NETWORKS: Final[dict[str, Callable[[], nn.Module]]] = {
    "signs-cnn": SignsCNN,
    "signs-vit": SignsViT,
    "signs-shortcut": SignsCNN,
    "diabetes-mlp": SimpleClassifier,
}
"""Name of each shipped network to what builds it."""

WEIGHTS: Final = Path(__file__).parent / "weights"
"""Where `<name>.safetensors` of each shipped network lies."""


def load_network(name: str, weights: Path = WEIGHTS) -> tuple[nn.Module, dict[str, str]]:
    """A shipped network in evaluation mode, and what its file says of it (seed, measured figures, scaling)."""
    if name not in NETWORKS:
        raise ValueError(f"no demo network is called {name!r}; there are {', '.join(NETWORKS)}")
    network = NETWORKS[name]()
    with safe_open(weights / f"{name}.safetensors", "pt") as file:
        # float() widens the weights that are stored as float16; counters stay whole numbers.
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118, the file is no mapping
        metadata = dict(file.metadata() or {})
    network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in tensors.items()})
    return network.eval(), metadata
