"""The floor: the passes that a method makes, and nothing besides, through the network as torchvision makes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from zennit.composites import EpsilonPlusFlat
from zennit.rules import Norm

from benchmarks.setting import CLASS, VIT, fresh
from benchmarks.timing import Work, best_chunk
from explainers.relevance._canonizer import FunctionModule, canonize


def frozen(name: str, device: torch.device) -> nn.Module:
    """What the floor is measured with: nothing is trainable but what makes queries, keys and values, because PyTorch takes
    longer to multiply with those when they are frozen, see `explainers.engine.network_state.frozen`."""
    network = fresh(name, device).requires_grad_(False)
    for module in network.modules():
        if isinstance(module, nn.MultiheadAttention):
            module.in_proj_weight.requires_grad_()
    return network


def raw_scores(network: nn.Module, inputs: Tensor) -> None:
    """One forward pass."""
    with torch.no_grad():
        network(inputs)


def raw_gradient(network: nn.Module, inputs: Tensor) -> None:
    """One forward and one backward pass down to the input."""
    inputs = inputs.detach().requires_grad_()
    torch.autograd.grad(network(inputs)[:, CLASS].sum(), inputs)


def raw_partial(network: nn.Module, layer: str, inputs: Tensor) -> None:
    """One forward pass and one backward pass down to a layer."""
    layer_outputs = []

    def detach_here(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        torch.set_grad_enabled(True)  # what lies below is not recorded
        layer_outputs.append(output.detach().requires_grad_())
        return layer_outputs[0].clone()

    handle = network.get_submodule(layer).register_forward_hook(detach_here)
    try:
        with torch.no_grad():
            score = network(inputs)[:, CLASS].sum()
    finally:
        handle.remove()
    torch.autograd.grad(score, layer_outputs)


def raw_head(network: nn.Module, layer: str, inputs: Tensor, maps: Tensor) -> None:
    """One forward pass of a single image up to the layer, where `maps` take the place of what it puts out."""
    handle = network.get_submodule(layer).register_forward_hook(lambda module, args, output: maps)
    try:
        raw_scores(network, inputs)
    finally:
        handle.remove()


def raw_rules(name: str, inputs: Tensor) -> Callable[[Tensor], None]:
    """One forward pass and one backward pass by the rules of EpsilonPlusFlat, through a copy made once."""
    network = canonize(frozen(name, inputs.device), tuple(inputs.shape[1:]))
    composite = EpsilonPlusFlat(layer_map=[((FunctionModule,), Norm())])

    def forward_backward(rows: Tensor) -> None:
        rows = rows.detach().requires_grad_()
        with composite.context(network):
            outputs = network(rows)
            torch.autograd.grad(outputs[:, CLASS], rows, outputs[:, CLASS].detach())

    return forward_backward


def in_parts(forward_backward: Callable[[Tensor], None], rows: Tensor, sizes: Sequence[int]) -> tuple[Work, int]:
    """All rows through `forward_backward` in chunks of the best size, and that size."""

    def work(size: int) -> None:
        for part in rows.split(size):
            forward_backward(part)

    chunk = best_chunk(work, sorted({size for size in sizes if size <= len(rows)}))
    return partial(work, chunk), chunk


def sizes(name: str, device: torch.device, cpu: Sequence[int], other: Sequence[int]) -> Sequence[int]:
    """Chunk sizes to try; of a transformer, whose passes are long, only a few on a CPU."""
    if device.type != "cpu":
        return other
    return [1, 8] if name == VIT else cpu
