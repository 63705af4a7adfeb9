"""Small networks whose weights are known."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from explainers.core.model import Model
from explainers.weight_stats import spectrum
from explainers.weight_stats.spectral import Spectrum
from explainers.weight_stats.table import weight_stats


def model_of(network: nn.Module, name: str = "test") -> Model:
    return Model(name, network, (3, 8, 8))


class Holder(nn.Module):
    """A network of one parameter called `weight`."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=weight.is_floating_point())


def stats_of(weight: Tensor) -> dict[str, Any]:
    return {str(k): v for k, v in weight_stats(model_of(Holder(weight))).iloc[0].items()}


def known_spectrum(weight: Tensor) -> Spectrum:
    weight_spectrum = spectrum(weight)
    assert weight_spectrum is not None
    return weight_spectrum


def random(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def small_cnn() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10))
