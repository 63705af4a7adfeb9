"""A network that has forgotten what it learnt: the same architecture with weights drawn anew (He et al. 2015: normal, by the number of
inputs; scales 1, offsets 0, running statistics 0 and 1). Always a copy, never the user's."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from explainers.core.rng import seeded_generator
from explainers.graph.rewrite import copy_network


@torch.no_grad()
def redraw(module: nn.Module, source: torch.Generator) -> None:
    """New weights for what the module holds itself; those of its parts stay."""
    for name, weight in module.named_parameters(recurse=False):
        if not weight.is_floating_point():
            continue
        if weight.ndim >= 2:
            inputs = weight[0].numel()
            drawn = torch.randn(weight.shape, generator=source, dtype=torch.float64) * (2 / inputs) ** 0.5
            weight.copy_(drawn)
        else:
            weight.fill_(0.0 if "bias" in name else 1.0)
    for name, value in (("running_mean", 0.0), ("running_var", 1.0)):
        if isinstance(statistic := getattr(module, name, None), Tensor):
            statistic.fill_(value)


def redrawn(network: nn.Module, seed: int) -> nn.Module:
    """A copy on the CPU of which every module is redrawn."""
    copy, source = copy_network(network).cpu(), seeded_generator("cpu", seed)
    for module in copy.modules():
        redraw(module, source)
    return copy
