"""A shifted-window transformer, whose layers put out channels last, cut in two after one of them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from explainers.core.model import Model
from tests.support.models.transformers import small_swin


def swin_model() -> Model:
    return Model("swin", small_swin().double().eval(), (3, 48, 48))


def below_and_above(model: Model, layer: str) -> tuple[nn.Module, nn.Module]:
    """A shifted-window transformer cut after one of its layers, which puts out (N, h, w, C)."""
    network = model.network
    end = [network.norm, network.permute, network.avgpool, network.flatten, network.head]
    if layer == "norm":
        return nn.Sequential(network.features, network.norm), nn.Sequential(*end[1:])
    cut = int(layer.removeprefix("features.")) + 1
    return network.features[:cut], nn.Sequential(network.features[cut:], *end)


def slope(above: nn.Module, output: Tensor, index: int) -> Tensor:
    output = output.detach().requires_grad_()
    return torch.autograd.grad(above(output)[:, index].sum(), output)[0]
