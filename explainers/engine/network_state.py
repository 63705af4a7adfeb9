"""Whatever a pass changes in a network or in the process is put back, also after an error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class NetworkParts:
    """A network with its modules, parameters and buffers; what it holds twice may be listed twice.

    Attributes:
        attention_projections: the matrices that queries, keys and values of all `nn.MultiheadAttention` are made with.
    """

    network: nn.Module
    modules: tuple[nn.Module, ...]
    parameters: tuple[nn.Parameter, ...]
    buffers: tuple[Tensor, ...]
    attention_projections: tuple[nn.Parameter, ...] = ()

    @classmethod
    def of(cls, network: nn.Module) -> NetworkParts:
        """Take stock. `network.modules()` and its like build names on the way, which costs a tenth of a small pass."""
        modules: dict[nn.Module, None] = {}
        parameters: list[nn.Parameter | None] = []
        buffers: list[Tensor | None] = []
        waiting: list[nn.Module | None] = [network]
        while waiting:
            module = waiting.pop()
            if module is None or module in modules:
                continue
            modules[module] = None
            waiting.extend(module._modules.values())
            parameters.extend(module._parameters.values())
            buffers.extend(module._buffers.values())
        return cls(
            network,
            tuple(modules),
            tuple(parameter for parameter in parameters if parameter is not None),
            tuple(buffer for buffer in buffers if buffer is not None),
            tuple(
                module.in_proj_weight
                for module in modules
                if isinstance(module, nn.MultiheadAttention)
                and module.in_proj_weight is not None
                and not module.in_proj_weight.is_inference()
            ),
        )

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        return (*self.parameters, *self.buffers)

    def channels_last(self) -> bool:
        """Whether a convolution is grouped (or depthwise), or has weights that lie channels last in memory."""
        return any(
            isinstance(module, nn.Conv2d) and (module.groups > 1 or not module.weight.is_contiguous())
            for module in self.modules
        )

    def state(self, contents: bool = False) -> object:
        """Changes whenever a weight is replaced or written to in place, a module is swapped, or a forward hook comes or goes.

        Args:
            contents: sums up all weights, row by row, so that writing to `weight.data`, which leaves no other trace, is
                noticed too, unless every row keeps its sum.
        """
        tensors = self.tensors
        try:
            write_counts = [tensor._version for tensor in tensors]
        except RuntimeError:  # tensors made in inference mode keep no count
            write_counts = [0 if tensor.is_inference() else tensor._version for tensor in tensors]
        places = [(id(tensor), tensor.data_ptr()) for tensor in tensors]
        modules = [(id(module), *module._forward_pre_hooks, *module._forward_hooks) for module in self.modules]
        return places, write_counts, modules, self._sums() if contents else b""

    @torch.no_grad()
    def _sums(self) -> bytes:
        """The sum of every row of every tensor, as bytes: these are equal to themselves where a sum is not a number."""
        sums = [
            tensor.float().flatten()
            if tensor.ndim < 2
            else tensor.sum(tuple(range(1, tensor.ndim)), dtype=torch.float32)
            for tensor in self.tensors
            if tensor.is_floating_point()
        ]
        return torch.cat(sums).cpu().numpy().tobytes() if sums else b""


def is_compiled(module: nn.Module) -> bool:
    """Whether it is what `torch.compile` puts round a module."""
    return type(module).__name__ == "OptimizedModule"  # importing the class would take a second


@contextmanager
def frozen(parts: NetworkParts) -> Iterator[None]:
    """Evaluation mode, frozen parameters and nothing compiled inside; train flags, requires_grad and `compile()` as before outside.

    With parameters frozen autograd computes no weight gradients, which is about a third of a backward
    pass that no explanation reads. The projections alone count as trainable: PyTorch multiplies a batch of tokens, which
    lies transposed there, with a frozen matrix token by token, and with a trainable one all at once (`should_fold` in
    ATen's LinearAlgebra.cpp), which saves a ViT-B/16 a fifth to a third of its pass. Nobody asks for their gradients, so
    none are computed. What `network.compile()` made is set aside, because it runs past hooks that come later, and past modes.
    """
    compiled = [(module, call) for module in parts.modules if (call := module._compiled_call_impl) is not None]
    training = [module for module in parts.modules if module.training]
    trainable = {id(parameter) for parameter in parts.attention_projections}
    turned = [p for p in dict.fromkeys(parts.parameters) if p.requires_grad != (id(p) in trainable)]
    for module, _ in compiled:
        module._compiled_call_impl = None
    for module in training:
        module.training = False
    for parameter in turned:
        parameter.requires_grad = not parameter.requires_grad
    try:
        yield
    finally:
        for module, call in compiled:
            module._compiled_call_impl = call
        for module in training:
            module.training = True
        for parameter in turned:
            parameter.requires_grad = not parameter.requires_grad


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
def preserved_rng(device: torch.device) -> Iterator[None]:
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
