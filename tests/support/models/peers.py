"""Networks, targets and inputs on which methods are compared with other libraries."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import numpy as np
import torch
import torchvision
from pytorch_grad_cam import EigenCAM, GradCAM, GradCAMElementWise, GradCAMPlusPlus, HiResCAM, LayerCAM, XGradCAM
from torch import Tensor, nn
from torchvision.models import VisionTransformer
from torchvision.models.resnet import BasicBlock

from tests.support.models.networks import lively, random_inputs

GRAD_CAM = {
    "grad-cam": GradCAM,
    "grad-cam++": GradCAMPlusPlus,
    "hires-cam": HiResCAM,
    "xgrad-cam": XGradCAM,
    "layer-cam": LayerCAM,
    "eigen-cam": EigenCAM,
    "grad-cam-element-wise": GradCAMElementWise,
}


# The default layer, and one half-way.
LAYERS = {
    "resnet18": ("layer4", "layer2"),
    "mobilenet_v3_small": ("features", "features.6"),
    "densenet121": ("features", "features.denseblock2"),
}

Captured = tuple[np.ndarray, np.ndarray]


def capture(
    network: nn.Module, layer: str, score: Callable[[Tensor], Tensor], reshape: Callable[[Tensor], Tensor] | None = None
) -> Captured:
    """Activations and gradients as pytorch-grad-cam captures them."""
    with GradCAM(network, [network.get_submodule(layer)], reshape) as cam:
        score(cam.activations_and_grads(inputs().requires_grad_())).backward()
        (activations,), (gradients,) = cam.activations_and_grads.activations, cam.activations_and_grads.gradients
        return activations.numpy().copy(), gradients.numpy().copy()


def score_sum(outputs: Tensor) -> Tensor:
    """The scores of TARGETS, summed over the inputs."""
    return sum(outputs[row, index] for row, index in enumerate(TARGETS))


def vision_transformer() -> nn.Module:
    torch.manual_seed(0)
    network = VisionTransformer(64, 16, 2, 2, 32, 64, num_classes=10)
    nn.init.normal_(network.heads.head.weight, std=1e5)  # torchvision begins with zeros
    return network.double().eval()


NAMES = ("resnet18", "mobilenet_v3_small", "densenet121")
SIDE = 64
SHAPE = (3, SIDE, SIDE)
CLASSES = 10
TARGETS = (3, 7)  # one class per input


def network(name: str) -> nn.Module:
    """A torchvision network with live signals, and scores large enough for what peers add to denominators to vanish."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        original = torchvision.models.get_model(name, weights=None, num_classes=CLASSES)
        last = [module for module in original.modules() if isinstance(module, nn.Linear)][-1]
        nn.init.normal_(last.weight, std=1000)
    return lively(original.double(), SHAPE)


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
    copy = deepcopy(twin)
    for name, module in list(copy.named_modules()):
        if isinstance(module, nn.MaxPool2d):
            copy.set_submodule(name, WindowsApart(module))
    return copy


def twin(name: str, original: nn.Module) -> nn.Module:
    """A copy with one out-of-place module per ReLU."""
    copy = deepcopy(original)
    if name == "resnet18":
        for stage in (copy.layer1, copy.layer2, copy.layer3, copy.layer4):
            for block_index, block in enumerate(stage):
                stage[block_index] = OwnBlock(block)
    elif name == "densenet121":
        copy = OwnDenseNet(copy)
    for module in copy.modules():
        if hasattr(module, "inplace"):
            module.inplace = False
    return copy.eval()
