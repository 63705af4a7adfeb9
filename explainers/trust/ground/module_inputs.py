"""What goes into modules of a network, summed up per channel, taken in one forward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from explainers.engine.run import Run

Summary = Callable[[Tensor], Tensor]


def channel_means(inputs: Tensor) -> Tensor:
    """Means of the channels (N, C) of maps (N, C, H, W); vectors as they are; of tokens (N, T, C) the first, which heads read."""
    if inputs.ndim == 4:
        return inputs.mean((-2, -1))
    return inputs[:, 0] if inputs.ndim == 3 else inputs


@contextmanager
def _watched(network: nn.Module, names: Sequence[str], watch: Callable[[str, Tensor], None]) -> Iterator[None]:
    handles = []
    try:
        for name in names:

            def hook(_: nn.Module, inputs: tuple[Any, ...], name: str = name) -> None:
                if inputs and isinstance(inputs[0], Tensor):
                    watch(name, inputs[0])

            handles.append(network.get_submodule(name).register_forward_pre_hook(hook))
        yield
    finally:
        for handle in handles:
            handle.remove()


def module_inputs(run: Run, inputs: Tensor, summaries: Mapping[str, Summary]) -> tuple[Tensor, dict[str, Tensor]]:
    """The network's outputs (N, K), and for each module named the summary (N, ...) of its first input.

    Modules that do not run, or run on something else than the N inputs, are left out; of one that runs several times the last
    time counts.
    """

    def work(rows: slice) -> tuple[Tensor, dict[str, Tensor]]:
        seen: dict[str, Tensor] = {}
        chunk = inputs[rows]

        def watch(name: str, tensor: Tensor) -> None:
            if len(tensor) == len(chunk):
                seen[name] = summaries[name](tensor.detach().float())

        with torch.no_grad(), _watched(run.network, list(summaries), watch):
            outputs = run.call(run.network, chunk)
        return outputs, seen

    chunks = list(run.passes.chunks("module inputs", len(inputs), work, forward=1))
    names = [name for name in summaries if all(name in seen for _, seen in chunks)]
    outputs = torch.cat([outputs for outputs, _ in chunks])
    return outputs, {name: torch.cat([seen[name] for _, seen in chunks]) for name in names}
