"""Whatever a pass changes in a network or in the process is put back, also after an error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Parts:
    """Every module, parameter and buffer of a network, each once."""

    modules: tuple[nn.Module, ...]
    parameters: tuple[nn.Parameter, ...]
    buffers: tuple[Tensor, ...]

    @classmethod
    def of(cls, network: nn.Module) -> Parts:
        """Take stock. `network.modules()` and its like build names on the way, which costs a tenth of a small pass."""
        modules: dict[nn.Module, None] = {}
        waiting = [network]
        while waiting:
            module = waiting.pop()
            if module not in modules:
                modules[module] = None
                waiting.extend(child for child in module._modules.values() if child is not None)
        parameters = {p: None for m in modules for p in m._parameters.values() if p is not None}
        buffers = {b: None for m in modules for b in m._buffers.values() if b is not None}
        return cls(tuple(modules), tuple(parameters), tuple(buffers))

    def state(self) -> object:
        """Changes whenever a weight is replaced or written to in place."""
        return tuple(
            (id(t), t.data_ptr(), 0 if t.is_inference() else t._version) for t in (*self.parameters, *self.buffers)
        )


@contextmanager
def frozen(parts: Parts) -> Iterator[None]:
    """Evaluation mode and frozen parameters inside; train flags and requires_grad as before outside.

    With parameters frozen autograd computes no weight gradients, which is about a third of a backward
    pass that no explanation reads.
    """
    training = [module for module in parts.modules if module.training]
    trainable = [parameter for parameter in parts.parameters if parameter.requires_grad]
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
