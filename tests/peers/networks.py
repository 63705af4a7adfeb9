"""torchvision networks in float64 with fixed random weights, and twins of them that every library can explain.

Captum's DeepLift and guided backpropagation hook ReLU modules, so they refuse, or are wrong on, a ReLU that writes in
place, one module that is called twice, and a plain function call. torchvision's networks do all three. The twins
below have one out-of-place module per ReLU; they are written by hand, so that they are independent of Vitrine's own
rewriting, which is what they check.
"""

from __future__ import annotations

from copy import deepcopy

import torch
import torchvision
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock

from tests.core.networks import lively, random_inputs

NAMES = ("resnet18", "mobilenet_v3_small", "densenet121")
SIDE = 64
SHAPE = (3, SIDE, SIDE)
CLASSES = 10
TARGETS = (3, 7)  # one class per input


def network(name: str) -> nn.Module:
    """A torchvision network with live signals, and scores large enough for what peers add to denominators to vanish."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = torchvision.models.get_model(name, weights=None, num_classes=CLASSES)
        last = [module for module in made.modules() if isinstance(module, nn.Linear)][-1]
        nn.init.normal_(last.weight, std=1000)
    return lively(made.double(), SHAPE)


def inputs() -> Tensor:
    """Two inputs with the smoothness of pictures."""
    coarse = random_inputs(2, (3, 8, 8), seed=3, dtype=torch.float64)
    fine = random_inputs(2, SHAPE, seed=4, dtype=torch.float64)
    return nn.functional.interpolate(coarse, (SIDE, SIDE), mode="bicubic") + 0.3 * fine


class OwnBlock(nn.Module):
    """torchvision's BasicBlock with two ReLUs of its own."""

    def __init__(self, block: BasicBlock) -> None:
        super().__init__()
        self.conv1, self.bn1 = block.conv1, block.bn1
        self.conv2, self.bn2 = block.conv2, block.bn2
        self.downsample = block.downsample or nn.Identity()
        self.relu1, self.relu2 = nn.ReLU(), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu1(self.bn1(self.conv1(x)))
        return self.relu2(self.bn2(self.conv2(y)) + self.downsample(x))


class OwnDenseNet(nn.Module):
    """torchvision's DenseNet with a module for the ReLU at its end, which there is a function that writes in place."""

    def __init__(self, original: nn.Module) -> None:
        super().__init__()
        self.features, self.classifier = original.features, original.classifier
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.relu(self.features(x)).mean((2, 3)))


class WindowsApart(nn.Module):
    """Max pooling of what a ReLU puts out, every window in a row of its own."""

    def __init__(self, pool: nn.MaxPool2d) -> None:
        super().__init__()
        self.side, self.stride, self.padding = pool.kernel_size, pool.stride, pool.padding
        self.pool = nn.MaxPool2d((1, self.side**2))

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.pad(x, [self.padding] * 4)
        windows = nn.functional.unfold(x, self.side, stride=self.stride)
        rows = windows.view(*x.shape[:2], self.side**2, -1).transpose(2, 3)
        return self.pool(rows).view(*x.shape[:2], (x.shape[2] - self.side) // self.stride + 1, -1)


def with_windows_apart(twin: nn.Module) -> nn.Module:
    """A copy of a twin that Captum's DeepLift is right on.

    Captum's rule for max pooling keeps one of several windows' shares where they overlap, and does nothing right after a
    ReLU, whose hook keeps the gradient of the tensor between the two before the rule changes it.
    """
    made = deepcopy(twin)
    for name, module in list(made.named_modules()):
        if isinstance(module, nn.MaxPool2d):
            made.set_submodule(name, WindowsApart(module))
    return made


def twin(name: str, original: nn.Module) -> nn.Module:
    """A copy with one out-of-place module per ReLU."""
    made = deepcopy(original)
    if name == "resnet18":
        for stage in (made.layer1, made.layer2, made.layer3, made.layer4):
            for number, block in enumerate(stage):
                stage[number] = OwnBlock(block)
    elif name == "densenet121":
        made = OwnDenseNet(made)
    for module in made.modules():
        if hasattr(module, "inplace"):
            module.inplace = False
    return made.eval()
