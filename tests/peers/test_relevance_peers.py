"""LRP against Zennit's own canonizers, which are written for one architecture each."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import vgg
from torchvision.models.resnet import BasicBlock, ResNet
from zennit.attribution import Gradient
from zennit.canonizers import Canonizer
from zennit.composites import EpsilonAlpha2Beta1, EpsilonAlpha2Beta1Flat, EpsilonGammaBox, EpsilonPlus, EpsilonPlusFlat
from zennit.torchvision import ResNetCanonizer, VGGCanonizer

from explainers.api import explain
from explainers.core.model import Model
from explainers.core.target import ClassTarget, ContrastTarget
from tests.support.models.networks import assert_close, lively
from tests.support.models.peers import CLASSES, TARGETS, inputs

SHAPE = (3, 32, 32)
COMPOSITES = {
    "lrp-epsilon-plus": EpsilonPlus,
    "lrp-epsilon-plus-flat": EpsilonPlusFlat,
    "lrp-epsilon-alpha2-beta1": EpsilonAlpha2Beta1,
    "lrp-epsilon-alpha2-beta1-flat": EpsilonAlpha2Beta1Flat,
    "lrp-epsilon-gamma-box": EpsilonGammaBox,
}


def small() -> Tensor:
    """The inputs at half their size: LRP passes every layer several times."""
    return inputs()[:, :, ::2, ::2]


def vgg_bn() -> nn.Module:
    """Layers as torchvision makes them, but few and narrow, with a small head."""
    features = vgg.make_layers([16, "M", 32, "M", 64, 64, "M"], batch_norm=True)
    return nn.Sequential(features, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, CLASSES))


def resnet10() -> nn.Module:
    """torchvision's ResNet with a block per stage, with and without a convolution beside it."""
    return ResNet(BasicBlock, [1, 1, 1, 1], num_classes=CLASSES)


CANONIZERS = {resnet10: ResNetCanonizer, vgg_bn: VGGCanonizer}


@pytest.fixture(scope="module", params=CANONIZERS, ids=lambda build: build.__name__)
def canonized(request: pytest.FixtureRequest) -> tuple[Model, nn.Module, Canonizer]:
    """A model, a copy for Zennit, and Zennit's canonizer for it."""
    build = request.param
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build()
        last = [module for module in network.modules() if isinstance(module, nn.Linear)][-1]
        nn.init.normal_(last.weight, std=1000)  # so that what Zennit adds to denominators vanishes
    network = lively(network.double(), SHAPE)
    peer = deepcopy(network)
    for module in peer.modules():
        if hasattr(module, "inplace"):
            module.inplace = False
        if isinstance(module, nn.BatchNorm2d):
            # The same function; but Zennit leaves eps in the norms that it has merged, so that they still scale.
            module.running_var += module.eps
            module.eps = 0.0
    return Model(build.__name__, network, SHAPE), peer, CANONIZERS[build]()


def zennits(peer: nn.Module, canonizer: Canonizer, name: str, start: Tensor) -> Tensor:
    box = (small().amin((1, 2, 3), keepdim=True), small().amax((1, 2, 3), keepdim=True))
    composite = COMPOSITES[name](*(box if "box" in name else ()), canonizers=[canonizer])
    with Gradient(peer, composite) as attributor:
        relevance: Tensor = attributor(small(), lambda outputs: outputs * start)[1]
    return relevance


@pytest.mark.parametrize("name", COMPOSITES)
def test_zennits_canonizers(canonized, name):
    model, peer, canonizer = canonized
    start = torch.nn.functional.one_hot(torch.tensor(TARGETS), CLASSES).double()
    expected = zennits(peer, canonizer, name, start)
    assert_close(explain(model, small(), name, ClassTarget(TARGETS)).values, expected, 1e-6)


def test_a_contrast(canonized):
    model, peer, canonizer = canonized
    start = torch.zeros(2, CLASSES).double()
    start[:, 1], start[:, 2] = 1, -1
    expected = zennits(peer, canonizer, "lrp-epsilon-plus", start)
    assert_close(explain(model, small(), "lrp-epsilon-plus", ContrastTarget(1, 2)).values, expected, 1e-6)
