"""Fresh scenes, and Grad-CAM written out once more in the plainest way, to check the networks by."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explainers.demo.dataset import Scenes, draw_scenes, normalise
from explainers.demo.scenes import EVAL_SEEDS_START, SHORTCUT_CLASS, SIZE

# Neither trained on nor used for the figures in results.json.
FRESH = range(EVAL_SEEDS_START + 50_000, EVAL_SEEDS_START + 50_300)


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
    kept: list[Tensor] = []
    handle = network.get_submodule("layer4").register_forward_hook(lambda module, args, output: kept.append(output))
    logits = network(normalise(images))
    handle.remove()
    (activation,) = kept
    (gradient,) = torch.autograd.grad(logits.gather(1, labels[:, None]).sum(), activation)
    activation = activation.detach()
    grad_cam = (gradient.mean((2, 3), keepdim=True) * activation).sum(1).relu()
    layer_cam = (gradient.relu() * activation).sum(1).relu()
    return Peaks(peak(grad_cam), peak(layer_cam), logits.detach().argmax(1))


def share_inside(one_hot: Tensor, masks: Tensor) -> float:
    """Share of the peaks that lie inside their mask."""
    return float((one_hot & masks).flatten(1).any(1).float().mean())


@pytest.fixture(scope="session")
def plain() -> Scenes:
    return draw_scenes(FRESH)


@pytest.fixture(scope="session")
def laid() -> Scenes:
    """The first half of the same scenes, all with the sticker."""
    return draw_scenes(FRESH[:150], sticker=True)


@pytest.fixture(scope="session")
def shortcut_scenes() -> Scenes:
    """Sixty scenes of the shortcut class, with the sticker as in training."""
    return draw_scenes(FRESH[:60], label=SHORTCUT_CLASS, sticker=True)
