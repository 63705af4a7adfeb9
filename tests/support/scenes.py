"""Where the peaks of maps of drawn scenes lie."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explainers.demo.dataset import normalise
from explainers.demo.scenes import SIZE


@dataclass(frozen=True)
class Peaks:
    """Where the class maps of a batch peak: (N, SIZE, SIZE) one-hot masks, and what the network answered, (N,)."""

    grad_cam: Tensor
    layer_cam: Tensor
    answers: Tensor


def peak(maps: Tensor) -> Tensor:
    """One-hot mask of the highest pixel after bilinear upsampling, (N, h, w) to (N, SIZE, SIZE) bool."""
    large = F.interpolate(maps[:, None], size=(SIZE, SIZE), mode="bilinear", align_corners=False)[:, 0]
    return F.one_hot(large.flatten(1).argmax(1), SIZE * SIZE).view(-1, SIZE, SIZE).bool()


def peaks(network: nn.Module, images: Tensor, labels: Tensor) -> Peaks:
    """Grad-CAM and LayerCAM at `layer4`, written out from their papers, for the given classes."""
    activations: list[Tensor] = []
    handle = network.get_submodule("layer4").register_forward_hook(
        lambda module, args, output: activations.append(output)
    )
    logits = network(normalise(images))
    handle.remove()
    (activation,) = activations
    (gradient,) = torch.autograd.grad(logits.gather(1, labels[:, None]).sum(), activation)
    activation = activation.detach()
    grad_cam = (gradient.mean((2, 3), keepdim=True) * activation).sum(1).relu()
    layer_cam = (gradient.relu() * activation).sum(1).relu()
    return Peaks(peak(grad_cam), peak(layer_cam), logits.detach().argmax(1))


def share_inside(one_hot: Tensor, masks: Tensor) -> float:
    """Share of the peaks that lie inside their mask."""
    return float((one_hot & masks).flatten(1).any(1).float().mean())
