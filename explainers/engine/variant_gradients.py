"""Many versions of an input: made when they are needed, looked at inside the network or differentiated, and not remembered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from explainers.core.target import Target, layer_of
from explainers.engine.layer_capture import LayerCapture, capture_gradients
from explainers.engine.run import Run
from explainers.graph.hooks import forward_hooks, tensor_of, with_tensor


@dataclass(frozen=True)
class Variants:
    """Several versions of every input, made lazily, chunk by chunk, on the device.

    Attributes:
        count: versions per input.
        make: (rows of inputs (M, ...), number of the input (M,), number of the version (M,)) -> (M, ...).
            Where all M versions are of one input, the rows (1, ...) and its number (1,) come once, to be broadcast.
        weights: (count,), the weight of each version in the sum over versions.
        fold: (gradients (M, ...), number of the input, number of the version) -> what is summed
            in their place, M rows of any shape; None sums the gradients.
    """

    count: int
    make: Callable[[Tensor, Tensor, Tensor], Tensor]
    weights: Tensor
    fold: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None


def scores_with_layer_replaced(
    run: Run, one: Tensor, layer: str, target: Target, count: int, make: Callable[[Tensor, slice], Tensor]
) -> Iterator[tuple[slice, Tensor]]:
    """Scores (m,) of one input with `count` other outputs of a layer in the place of its own, chunk by chunk.

    What lies below the layer runs on one row for the whole chunk: the rows part at the layer.

    Args:
        make: (the layer's output (1, ...), numbers of the versions) -> their outputs (m, ...).
    """
    target = run.resolve(one, target)

    def work(rows: slice) -> tuple[slice, Tensor]:
        count = rows.stop - rows.start

        def swap(_: str, output: Any) -> Any:
            tensor = tensor_of(output)
            assert tensor is not None
            return with_tensor(output, make(tensor[:1], rows))

        def outputs(inputs: Tensor) -> Tensor:
            with torch.no_grad(), forward_hooks(run.network, [layer], swap):
                return run.call(run.network, inputs, layer_of(target))

        try:
            found = outputs(one)
        except RuntimeError:  # rows that have parted cannot be joined with the single one, as in a DenseNet
            found = outputs(one.expand(count, *one.shape[1:]))
        if len(found) != count:
            found = outputs(one.expand(count, *one.shape[1:]))
        return rows, target.take([0] * count)(found)

    return run.passes.chunks("replaced", count, work, forward=1)


def summed_gradients(run: Run, inputs: Tensor, target: Target, variants: Variants) -> Tensor:
    """The weighted sum over the versions of every input of d score / d version, (N, ...)."""
    target = run.resolve(inputs, target)
    total: Tensor | None = None
    weights, fold = variants.weights.to(inputs), variants.fold

    def work(rows: slice) -> tuple[Tensor, Tensor]:
        made, numbers, number, version = _make_chunk(run, inputs, variants, rows)
        if fold is None:  # the weights go into the scores, which are smaller than the gradients
            _, gradient = run.gradient(made, target.take(numbers), weights[version])
        else:
            _, gradient = run.gradient(made, target.take(numbers))
            folded = fold(gradient, number, version)
            gradient = folded * weights[version].view(-1, *[1] * (folded.ndim - 1))
        return number, gradient.sum(0, keepdim=True) if len(number) == 1 else gradient

    rows = len(inputs) * variants.count
    for number, gradient in run.passes.chunks("gradient", rows, work, forward=1, backward=1):
        if total is None:
            total = gradient.new_zeros(len(inputs), *gradient.shape[1:])
        total.index_add_(0, number, gradient)
    assert total is not None
    return total


def variant_captures(
    run: Run,
    inputs: Tensor,
    layer: str | None,
    target: Target,
    variants: Variants,
    put: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> Iterator[tuple[Tensor, Tensor, LayerCapture]]:
    """`capture` of all versions of every input, in order, chunk by chunk, as they come; nothing of them is kept.

    Args:
        put: (number of the input, number of the version, as in `Variants.make`) -> what takes the place of the layer's
            own output (m, ...). Versions of one input whose rows `make` left together then part at the layer only.

    Returns:
        An iterator over (number of the input (m,), number of the version (m,), capture of these m rows).
    """
    target = run.resolve(inputs, target)
    found = run.layer(layer)

    def work(rows: slice) -> tuple[Tensor, Tensor, LayerCapture]:
        made, numbers, number, version = _make_chunk(run, inputs, variants, rows)
        its_target = target.take(numbers)
        output = None if put is None else put(number, version)

        def capture(made: Tensor) -> LayerCapture:
            def forward() -> Tensor:
                return run.call(run.network, made.detach(), layer_of(target))

            _, maps = capture_gradients(run.network, [found], forward, lambda o: its_target(o).sum(), put=output)
            return LayerCapture(found, *maps[found.name])

        try:
            captured = capture(made)
        except RuntimeError:  # rows that have parted cannot be joined with the single one, as in a DenseNet
            if len(made) == len(numbers):
                raise
            captured = capture(made.expand(len(numbers), *made.shape[1:]))
        return number.expand(len(numbers)), version, captured

    kind = "capture" if put is None else f"capture at {found.name}"
    return run.passes.chunks(kind, len(inputs) * variants.count, work, forward=1, backward=1)


def _make_chunk(run: Run, inputs: Tensor, variants: Variants, rows: slice) -> tuple[Tensor, list[int], Tensor, Tensor]:
    """Versions made, the input that each of them is of, and the two numbers as `Variants.make` gets them."""
    numbers = [row // variants.count for row in range(rows.start, rows.stop)]
    number = torch.tensor(numbers[:1] if numbers[0] == numbers[-1] else numbers, device=inputs.device)
    version = torch.arange(rows.start, rows.stop, device=inputs.device) % variants.count
    # Laid out before they are multiplied into many: then so are the versions, without a copy.
    return variants.make(run.to_fast_memory_format(inputs[number]), number, version), numbers, number, version
