"""LRP against Zennit's own canonizers, which are written for one architecture each."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import vgg
from zennit.attribution import Gradient
from zennit.canonizers import Canonizer
from zennit.composites import EpsilonAlpha2Beta1, EpsilonAlpha2Beta1Flat, EpsilonGammaBox, EpsilonPlus, EpsilonPlusFlat
from zennit.torchvision import ResNetCanonizer, VGGCanonizer

from explainers.api import explain
from explainers.core.model import Model
from explainers.core.target import ClassTarget, ContrastTarget
from tests.support.networks import assert_close, lively
from tests.support.peers import CLASSES, TARGETS, inputs, network

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


def vgg11_bn() -> nn.Module:
    """torchvision's layers with a small head: its own has a hundred million weights."""
    torch.manual_seed(0)
    head = nn.Linear(512, CLASSES)
    nn.init.normal_(head.weight, std=1000)
    features = vgg.make_layers(vgg.cfgs["A"], batch_norm=True)
    return lively(nn.Sequential(features, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head).double(), SHAPE)


@pytest.fixture(scope="module", params=["resnet18", "vgg11_bn"])
def canonized(request: pytest.FixtureRequest) -> tuple[Model, nn.Module, Canonizer]:
    """A model, a copy for Zennit, and Zennit's canonizer for it."""
    made = vgg11_bn() if request.param == "vgg11_bn" else network(request.param)
    peer = deepcopy(made)
    for module in peer.modules():
        if hasattr(module, "inplace"):
            module.inplace = False
        if isinstance(module, nn.BatchNorm2d):
            # The same function; but Zennit leaves eps in the norms that it has merged, so that they still scale.
            module.running_var += module.eps
            module.eps = 0.0
    canonizer = VGGCanonizer() if request.param == "vgg11_bn" else ResNetCanonizer()
    return Model(request.param, made, SHAPE), peer, canonizer


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
