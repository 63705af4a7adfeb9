"""What a model can give, and what attention is known by."""

from __future__ import annotations

import torchvision
from torch import nn

from explainers.core.capabilities import Needs, has_attention
from explainers.core.model import Model
from tests.support.models.networks import small_model
from tests.support.models.transformers import MultiHead, swin, tiny_vit


def test_capabilities(model):
    assert Needs.IMAGES in model.capabilities
    assert Needs.IMAGES not in Model("vectors", nn.Linear(2, 3), (2,)).capabilities
    assert Needs.SCORES | Needs.GRADIENTS | Needs.LAYERS in Model("vectors", nn.Linear(2, 3), (2,)).capabilities


def test_models_with_attention_are_known_without_running_them():
    assert has_attention(tiny_vit().network)
    assert has_attention(tiny_vit(kind=MultiHead).network)
    assert has_attention(swin())
    assert not has_attention(torchvision.models.resnet18())
    assert Needs.ATTENTION in tiny_vit().capabilities
    assert Needs.ATTENTION not in small_model().capabilities
