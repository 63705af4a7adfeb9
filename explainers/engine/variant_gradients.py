"""Many variants of an input: made when they are needed, looked at inside the network or differentiated, and not remembered."""

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
    """Several variants of every input (noisy copies, steps of a path), made lazily, chunk by chunk, on the device.

    Attributes:
        count: variants per input.
        make: (rows of inputs (M, ...), input_index (M,), variant_index (M,)) -> (M, ...).
            Where all M variants are of one input, the rows (1, ...) and its index (1,) come once, to be broadcast.
        weights: (count,), the weight of each variant in the sum over variants.
        fold: (gradients (M, ...), input_index, variant_index) -> what is summed
            in their place, M rows of any shape; None sums the gradients.
    """

    count: int
    make: Callable[[Tensor, Tensor, Tensor], Tensor]
    weights: Tensor
    fold: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None


def scores_with_layer_replaced(
    run: Run, input: Tensor, layer: str, target: Target, count: int, make: Callable[[Tensor, slice], Tensor]
) -> Iterator[tuple[slice, Tensor]]:
    """Scores (m,) of one input with `count` other outputs of a layer in the place of its own, chunk by chunk.

    What lies below the layer runs on one row for the whole chunk: the rows part at the layer.

    Args:
        make: (the layer's output (1, ...), indices of the variants) -> their outputs (m, ...).
    """
    target = run.resolve(input, target)

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
            variant_outputs = outputs(input)
        except RuntimeError:  # rows that have parted cannot be joined with the single one, as in a DenseNet
            variant_outputs = outputs(input.expand(count, *input.shape[1:]))
        if len(variant_outputs) != count:
            variant_outputs = outputs(input.expand(count, *input.shape[1:]))
        return rows, target.take([0] * count)(variant_outputs)

    return run.passes.chunks("replaced", count, work, forward=1)


def summed_gradients(run: Run, inputs: Tensor, target: Target, variants: Variants) -> Tensor:
    """The weighted sum over the variants of every input of d score / d variant, (N, ...)."""
    target = run.resolve(inputs, target)
    total: Tensor | None = None
    weights, fold = variants.weights.to(inputs), variants.fold

    def work(rows: slice) -> tuple[Tensor, Tensor]:
        chunk = _make_chunk(run, inputs, variants, rows)
        chunk_weights = weights[chunk.variant_index]
        if fold is None:  # the weights go into the scores, which are smaller than the gradients
            _, gradient = run.gradient(chunk.variants, target.take(chunk.inputs), chunk_weights)
        else:
            _, gradient = run.gradient(chunk.variants, target.take(chunk.inputs))
            folded = fold(gradient, chunk.input_index, chunk.variant_index)
            gradient = folded * chunk_weights.view(-1, *[1] * (folded.ndim - 1))
        return chunk.input_index, gradient.sum(0, keepdim=True) if len(chunk.input_index) == 1 else gradient

    rows = len(inputs) * variants.count
    for input_index, gradient in run.passes.chunks("gradient", rows, work, forward=1, backward=1):
        if total is None:
            total = gradient.new_zeros(len(inputs), *gradient.shape[1:])
        total.index_add_(0, input_index, gradient)
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
    """`capture` of all variants of every input, in order, chunk by chunk, as they come; nothing of them is kept.

    Args:
        put: (input_index, variant_index, as in `Variants.make`) -> what takes the place of the layer's own output
            (m, ...). Variants of one input whose rows `make` left together then part at the layer only.

    Returns:
        An iterator over (input_index (m,), variant_index (m,), capture of these m rows).
    """
    target = run.resolve(inputs, target)
    seen_layer = run.layer(layer)

    def work(rows: slice) -> tuple[Tensor, Tensor, LayerCapture]:
        chunk = _make_chunk(run, inputs, variants, rows)
        chunk_target = target.take(chunk.inputs)
        output = None if put is None else put(chunk.input_index, chunk.variant_index)

        def capture(variants: Tensor) -> LayerCapture:
            def forward() -> Tensor:
                return run.call(run.network, variants.detach(), layer_of(target))

            _, maps = capture_gradients(
                run.network, [seen_layer], forward, lambda outputs: chunk_target(outputs).sum(), put=output
            )
            return LayerCapture(seen_layer, *maps[seen_layer.name])

        count = len(chunk.inputs)
        try:
            layer_capture = capture(chunk.variants)
        except RuntimeError:  # rows that have parted cannot be joined with the single one, as in a DenseNet
            if len(chunk.variants) == count:
                raise
            layer_capture = capture(chunk.variants.expand(count, *chunk.variants.shape[1:]))
        return chunk.input_index.expand(count), chunk.variant_index, layer_capture

    kind = "capture" if put is None else f"capture at {seen_layer.name}"
    return run.passes.chunks(kind, len(inputs) * variants.count, work, forward=1, backward=1)


@dataclass(frozen=True)
class _Chunk:
    """Variants of a few inputs.

    Attributes:
        variants: (M, ...).
        inputs: which input each of them is of, M of them.
        input_index, variant_index: as `Variants.make` gets them.
    """

    variants: Tensor
    inputs: list[int]
    input_index: Tensor
    variant_index: Tensor


def _make_chunk(run: Run, inputs: Tensor, variants: Variants, rows: slice) -> _Chunk:
    indices = [row // variants.count for row in range(rows.start, rows.stop)]
    of_one_input = indices[0] == indices[-1]
    input_index = torch.tensor(indices[:1] if of_one_input else indices, device=inputs.device)
    variant_index = torch.arange(rows.start, rows.stop, device=inputs.device) % variants.count
    # In this format before they are multiplied into many: then so are the variants, without a copy.
    input_rows = run.to_fast_memory_format(inputs[input_index])
    return _Chunk(variants.make(input_rows, input_index, variant_index), indices, input_index, variant_index)
