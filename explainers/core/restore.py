"""Whatever a pass changes in a network or in the process is put back, also after an error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Evaluation mode and frozen parameters inside; train flags and requires_grad as before outside.

    With parameters frozen autograd computes no weight gradients, which is about a third of a backward
    pass that no explanation reads.
    """
    training = [module for module in network.modules() if module.training]
    trainable = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for module in training:
        module.training = False
    for parameter in trainable:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for module in training:
            module.training = True
        for parameter in trainable:
            parameter.requires_grad_(True)


@contextmanager
def without_fast_attention() -> Iterator[None]:
    """Keep torch's fused transformer inference path off: it skips the modules whose hooks we rely on."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


@contextmanager
def same_randomness(device: torch.device) -> Iterator[None]:
    """The global random state of the CPU and of `device` is the same after as before."""
    if device.type == "mps":
        state = torch.mps.get_rng_state()
        try:
            with torch.random.fork_rng(devices=[]):
                yield
        finally:
            torch.mps.set_rng_state(state)
    else:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield
