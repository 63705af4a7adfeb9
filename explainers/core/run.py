"""One explanation's way through the engine: three primitives, progress, cancellation and cost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from explainers.core.attribution import Cost
from explainers.core.engine import Engine
from explainers.core.errors import VitrineError
from explainers.core.layers import (
    Layer,
    default_layer,
    find_layers,
    nearest_names,
    output_of,
    tensor_of,
    watching,
    with_tensor,
)
from explainers.core.model import Model
from explainers.core.passes import Passes, Progress
from explainers.core.restore import Parts
from explainers.core.target import ClassTarget, Target, TopTarget, layer_of

T = TypeVar("T")
K = TypeVar("K")


@dataclass(frozen=True)
class Capture:
    """A layer's map: activations and gradients of the score, both (N, C, h, w)."""

    layer: Layer
    activations: Tensor
    gradients: Tensor


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


class Run:
    """A model on an engine, with a memory of the passes made, so that methods share them.

    One run serves one set of inputs at a time; threads each take their own.

    Args:
        progress: called between chunks with the share done and a few words; may raise to stop the work.
        expected: the passes that will be made, for the share done.
        cancel: set it from another thread to stop the work within one chunk.
    """

    def __init__(
        self,
        model: Model,
        engine: Engine,
        *,
        progress: Progress | None = None,
        expected: Cost | None = None,
        cancel: threading.Event | None = None,
    ) -> None:
        self.model = model
        self.engine = engine
        self._parts = engine.place(Parts.of(model.network))
        self.network = self._parts.network
        self._passes = Passes(engine, self._parts, model, progress=progress, expected=expected, cancel=cancel)
        self._layers: tuple[Layer, ...] | None = None
        self._memory: dict[tuple[Any, ...], tuple[Tensor, Any]] = {}

    # -- the three primitives -------------------------------------------------------------------

    def scores(self, inputs: Tensor, target: Target) -> Tensor:
        """Scores (N,) of inputs (N, ...): forward passes only."""
        return target(self.outputs(inputs, layer_of(target)))

    def outputs(self, inputs: Tensor, layer: str | None = None) -> Tensor:
        """The network's raw outputs (N, K), or those of one of its layers: forward passes only, remembered."""

        def forward() -> Tensor:
            def work(rows: slice) -> Tensor:
                # Not inference_mode: what a network keeps from one pass to the next (a table of positions)
                # could then never take part in a gradient again.
                with torch.no_grad():
                    return self._call(self.network, self._laid_out(inputs[rows]), layer)

            return _joined(list(self._passes.chunks("forward", len(inputs), work, forward=1))).clone()

        return self._remember(("outputs", layer), inputs, forward)

    def sweep(
        self, one: Tensor, target: Target, count: int, make: Callable[[slice], tuple[Tensor, K]]
    ) -> Iterator[tuple[K, Tensor]]:
        """Scores (m,) of `count` versions of one input (1, ...): forward passes only, chunk by chunk, as they come.

        Args:
            make: (numbers of the versions) -> the versions (m, ...), made on the device when they are needed, and whatever
                shall be handed back beside their scores.
        """
        target = self.resolve(one, target)

        def work(rows: slice) -> tuple[K, Tensor]:
            with torch.no_grad():
                versions, kept = make(rows)
                outputs = self._call(self.network, self._laid_out(versions), layer_of(target))
                return kept, target.take([0] * len(versions))(outputs)

        return self._passes.chunks("forward", count, work, forward=1)

    def replaced(
        self, one: Tensor, layer: str, target: Target, count: int, make: Callable[[Tensor, slice], Tensor]
    ) -> Iterator[tuple[slice, Tensor]]:
        """Scores (m,) of one input with `count` other outputs of a layer in the place of its own, chunk by chunk.

        What lies below the layer runs on one row for the whole chunk: the rows part at the layer.

        Args:
            make: (the layer's output (1, ...), numbers of the versions) -> their outputs (m, ...).
        """
        target = self.resolve(one, target)

        def work(rows: slice) -> tuple[slice, Tensor]:
            count = rows.stop - rows.start

            def swap(_: str, output: Any) -> Any:
                tensor = tensor_of(output)
                assert tensor is not None
                return with_tensor(output, make(tensor[:1], rows))

            def outputs(inputs: Tensor) -> Tensor:
                with torch.no_grad(), watching(self.network, [layer], swap):
                    return self._call(self.network, self._laid_out(inputs), layer_of(target))

            try:
                found = outputs(one)
            except RuntimeError:  # rows that have parted cannot be joined with the single one, as in a DenseNet
                found = outputs(one.expand(count, *one.shape[1:]))
            if len(found) != count:
                found = outputs(one.expand(count, *one.shape[1:]))
            return rows, target.take([0] * count)(found)

        return self._passes.chunks("replaced", count, work, forward=1)

    def gradients(
        self,
        inputs: Tensor,
        target: Target,
        variants: Variants | None = None,
        network: nn.Module | None = None,
    ) -> Tensor:
        """d score / d inputs, (N, ...); with `variants`, the weighted sum over the versions of every input.

        Args:
            network: a rewritten copy to use instead of the model's own network (see `rewritten`).
        """
        if variants is not None:
            return self._sum_over_variants(inputs, self.resolve(inputs, target), variants, network or self.network)
        asked = network or self.network

        def gradients() -> Tensor:
            def work(rows: slice) -> tuple[Tensor, Tensor]:
                chunk_target = target.take(range(rows.start, rows.stop))
                return self._gradient(asked, inputs[rows], chunk_target)

            done = list(self._passes.chunks("gradient", len(inputs), work, forward=1, backward=1))
            self._know_outputs(inputs, target, asked, [outputs for outputs, _ in done])
            return _joined([gradient for _, gradient in done])

        return self._remember(("gradients", target, asked), inputs, gradients)

    def capture(self, inputs: Tensor, layers: Sequence[str | None], target: Target) -> list[Capture]:
        """Activations and gradients at `layers`: one forward and one backward pass down to the lowest of them.

        None stands for the last layer with a map over the image. What an earlier call captured is reused.
        """
        found = [self.layer(name) for name in layers]
        missing = [layer for layer in found if (layer.name, target, id(inputs)) not in self._memory]
        if missing:
            for capture in self._capture(inputs, list(dict.fromkeys(missing)), target):
                self._memory[capture.layer.name, target, id(inputs)] = (inputs, capture)
        return [self._memory[layer.name, target, id(inputs)][1] for layer in found]

    def captures(
        self,
        inputs: Tensor,
        layer: str | None,
        target: Target,
        variants: Variants,
        put: Callable[[Tensor, Tensor], Tensor] | None = None,
    ) -> Iterator[tuple[Tensor, Tensor, Capture]]:
        """`capture` of all versions of every input, in order, chunk by chunk, as they come; nothing of them is kept.

        Args:
            put: (number of the input, number of the version, as in `Variants.make`) -> what takes the place of the layer's
                own output (m, ...). Versions of one input whose rows `make` left together then part at the layer only.

        Returns:
            An iterator over (number of the input (m,), number of the version (m,), capture of these m rows).
        """
        target = self.resolve(inputs, target)
        found = self.layer(layer)

        def work(rows: slice) -> tuple[Tensor, Tensor, Capture]:
            made, numbers, number, version = self._made(inputs, variants, rows)
            chunk_target = target.take(numbers)
            output = None if put is None else put(number, version)
            try:
                _, maps = self._capture_chunk(made, [found], chunk_target, output)
            except RuntimeError:  # rows that have parted cannot be joined with the single one, as in a DenseNet
                if len(made) == len(numbers):
                    raise
                _, maps = self._capture_chunk(made.expand(len(numbers), *made.shape[1:]), [found], chunk_target, output)
            return number.expand(len(numbers)), version, Capture(found, *maps[found.name])

        kind = "capture" if put is None else f"capture at {found.name}"
        return self._passes.chunks(kind, len(inputs) * variants.count, work, forward=1, backward=1)

    # -- what methods may ask besides -----------------------------------------------------------

    def resolve(self, inputs: Tensor, target: Target) -> Target:
        """`target` with every "top class" replaced by that class, at the price of a forward pass if none was made."""
        if not isinstance(target, TopTarget):
            return target
        outputs = self.outputs(inputs)
        tops = outputs.flatten(1).argmax(1).tolist()
        return ClassTarget(tops[0] if len(set(tops)) == 1 else tuple(tops))

    def layers(self) -> tuple[Layer, ...]:
        """Every layer of the network, found once by a small forward and backward pass."""
        if self._layers is None:
            found = self.engine.derive(self._parts, f"layers at {self.model.input_shape}", self._find_layers)
            self._layers = found
        return self._layers

    def layer(self, name: str | None) -> Layer:
        """The layer called `name`, or the last with a map over the image.

        Raises:
            VitrineError: there is no such layer, or a CAM cannot be read off it.
        """
        layers = self.layers()
        if name is None:
            return default_layer(layers)
        layer = next((layer for layer in layers if layer.name == name), None)
        if layer is not None and layer.calls == 1 and layer.layout is not None:
            return layer
        near = nearest_names(name, layers)
        if layer is None:
            raise VitrineError(f"{self.model.name} has no layer {name!r}; did you mean one of: {near}?")
        if layer.calls > 1:
            raise VitrineError(
                f"Layer {name!r} runs {layer.calls} times in one pass, so it has no single map; choose another, such as {near}."
            )
        raise VitrineError(
            f"Layer {name!r} puts out {layer.shape}, which is no map over the image; choose another, such as {near}."
        )

    def rewritten(self, name: str, build: Callable[[nn.Module], nn.Module]) -> nn.Module:
        """A copy of the network rewritten by `build`, made once and kept while its weights stand."""

        def in_turn(network: nn.Module) -> nn.Module:
            with self.engine.turnstile.turn(self._passes.check):  # nobody's hooks are in it then
                return build(network)

        return self.engine.derive(self._parts, name, in_turn)

    def attribute(
        self, inputs: Tensor, work: Callable[[Tensor, Sequence[int]], Tensor], passes: Cost, kind: str
    ) -> Tensor:
        """Drive another library's method: `work(chunk of inputs, their numbers)` under the turnstile, chunk by chunk.

        Args:
            passes: what one input costs.
            kind: a name under which the chunk size is learnt.
        """
        done = self._passes.chunks(
            kind,
            len(inputs),
            lambda rows: work(self._laid_out(inputs[rows]), range(rows.start, rows.stop)),
            forward=passes.forward,
            backward=passes.backward,
        )
        return _joined(list(done))

    @property
    def cost(self) -> Cost:
        """What was spent so far."""
        return self._passes.cost

    # -- how ------------------------------------------------------------------------------------

    def _gradient(
        self, network: nn.Module, inputs: Tensor, target: Target, weights: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Outputs (N, K) and gradients (N, ...) of the scores, each times its weight (N,)."""
        inputs = self._laid_out(inputs.detach()).requires_grad_()
        with torch.enable_grad():
            outputs = self._call(network, inputs, layer_of(target))
            scores = target(outputs)
            score = scores.sum() if weights is None else (scores * weights).sum()
        if not score.requires_grad:
            raise VitrineError(
                f"The score of {self.model.name} does not depend on its input in a way that has a gradient."
            )
        return outputs.detach(), torch.autograd.grad(score, inputs)[0]

    def _sum_over_variants(self, inputs: Tensor, target: Target, variants: Variants, network: nn.Module) -> Tensor:
        total: Tensor | None = None
        weights, fold = variants.weights.to(inputs), variants.fold

        def work(rows: slice) -> tuple[Tensor, Tensor]:
            made, numbers, number, version = self._made(inputs, variants, rows)
            if fold is None:  # the weights go into the scores, which are smaller than the gradients
                _, gradient = self._gradient(network, made, target.take(numbers), weights[version])
            else:
                _, gradient = self._gradient(network, made, target.take(numbers))
                folded = fold(gradient, number, version)
                gradient = folded * weights[version].view(-1, *[1] * (folded.ndim - 1))
            return number, gradient.sum(0, keepdim=True) if len(number) == 1 else gradient

        rows = len(inputs) * variants.count
        for number, gradient in self._passes.chunks("gradient", rows, work, forward=1, backward=1):
            if total is None:
                total = gradient.new_zeros(len(inputs), *gradient.shape[1:])
            total.index_add_(0, number, gradient)
        assert total is not None
        return total

    def _made(self, inputs: Tensor, variants: Variants, rows: slice) -> tuple[Tensor, list[int], Tensor, Tensor]:
        """Versions made, the input that each of them is of, and the two numbers as `Variants.make` gets them."""
        numbers = [row // variants.count for row in range(rows.start, rows.stop)]
        number = torch.tensor(numbers[:1] if numbers[0] == numbers[-1] else numbers, device=inputs.device)
        version = torch.arange(rows.start, rows.stop, device=inputs.device) % variants.count
        # Laid out before they are multiplied into many: then so are the versions, without a copy.
        return variants.make(self._laid_out(inputs[number]), number, version), numbers, number, version

    def _capture(self, inputs: Tensor, layers: Sequence[Layer], target: Target) -> list[Capture]:
        def work(rows: slice) -> tuple[Tensor, dict[str, tuple[Tensor, Tensor]]]:
            return self._capture_chunk(inputs[rows], layers, target.take(range(rows.start, rows.stop)))

        done = list(self._passes.chunks("capture", len(inputs), work, forward=1, backward=1))
        self._know_outputs(inputs, target, self.network, [outputs for outputs, _ in done])
        return [
            Capture(
                layer,
                *(_joined([maps[layer.name][part] for _, maps in done]) for part in (0, 1)),
            )
            for layer in layers
        ]

    def _capture_chunk(
        self, inputs: Tensor, layers: Sequence[Layer], target: Target, put: Tensor | None = None
    ) -> tuple[Tensor, dict[str, tuple[Tensor, Tensor]]]:
        held: dict[str, Tensor] = {}

        def hold(name: str, output: Any) -> Any:
            tensor = tensor_of(output) if put is None else put
            assert tensor is not None
            # The first layer reached starts the graph: nothing below it is recorded or differentiated.
            held[name] = tensor if tensor.requires_grad else tensor.detach().requires_grad_()
            # A copy goes on, because the next module may write into what it gets.
            passed_on = held[name].clone()
            return with_tensor(output, passed_on)

        with torch.enable_grad(), watching(self.network, [layer.name for layer in layers], hold):
            outputs = self._call(self.network, self._laid_out(inputs.detach()), layer_of(target))
            score = target(outputs).sum()
        for layer in layers:
            if layer.name not in held:
                raise VitrineError(
                    f"Layer {layer.name!r} comes after {layer_of(target)!r}, whose channel is explained; choose an earlier layer."
                )
        wanted = [held[layer.name] for layer in layers]
        gradients: Sequence[Tensor | None] = [None] * len(wanted)
        if score.requires_grad:
            gradients = torch.autograd.grad(score, wanted, allow_unused=True)
        maps = {}
        for layer, gradient in zip(layers, gradients, strict=True):
            if gradient is None:
                raise VitrineError(
                    f"The score of {self.model.name} does not depend on layer {layer.name!r}; choose another layer."
                )
            assert layer.layout is not None
            maps[layer.name] = (layer.layout.spatial(held[layer.name].detach()), layer.layout.spatial(gradient))
        return outputs.detach(), maps

    def _laid_out(self, inputs: Tensor) -> Tensor:
        """Channels last in memory on a CPU, where that measured a sixth faster. A single image in a network that lies
        the other way stays as it is: a ResNet-18 would take half as long again.
        """
        if (
            self.engine.device.type != "cpu"
            or inputs.ndim != 4
            or (len(inputs) == 1 and not self._parts.channels_last())
        ):
            return inputs
        return inputs.contiguous(memory_format=torch.channels_last)

    def _call(self, network: nn.Module, inputs: Tensor, layer: str | None = None) -> Tensor:
        """The network's outputs, or those of `layer`, above which nothing is run."""
        try:
            found = network(inputs) if layer is None else output_of(network, layer, inputs)
        except RuntimeError as error:
            sentence = _explained(error, self.model, inputs)
            if sentence is None:
                raise
            raise sentence from error
        outputs = tensor_of(found)
        if outputs is None:
            raise VitrineError(f"{layer or self.model.name} returned no tensor of outputs.")
        return outputs

    def _find_layers(self, network: nn.Module) -> tuple[Layer, ...]:
        like = next(network.parameters(), torch.zeros((), device=self.engine.device))
        with self.engine.turnstile.turn(self._passes.check):
            found = self.engine.attempt(self._parts, lambda: find_layers(network, self.model.input_shape, like))
        if found is None:
            raise VitrineError(f"Two inputs of {self.model.name} do not fit in the memory of {self.engine.device}.")
        return found

    def _remember(self, key: tuple[Any, ...], inputs: Tensor, make: Callable[[], T]) -> T:
        # The inputs are kept beside the result so that their id stays theirs.
        full = (*key, id(inputs))
        if full not in self._memory:
            self._memory[full] = (inputs, make())
        result: T = self._memory[full][1]
        return result

    def _know_outputs(self, inputs: Tensor, target: Target, network: nn.Module, outputs: Sequence[Tensor]) -> None:
        if network is self.network:
            self._memory["outputs", layer_of(target), id(inputs)] = (inputs, _joined(outputs))


def _joined(parts: Sequence[Tensor]) -> Tensor:
    """Chunks put together again; a single one is not copied."""
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))


def _explained(error: RuntimeError, model: Model, inputs: Tensor) -> VitrineError | None:
    """A sentence for an input that does not fit the network; None for every other error."""
    shape = tuple(inputs.shape[1:])
    if shape != model.input_shape and "memory" not in str(error):
        return VitrineError(
            f"{model.name} takes inputs of shape {model.input_shape}, and failed on {shape}: {str(error).splitlines()[0]}"
        )
    return None
