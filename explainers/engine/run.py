"""One explanation's way through the engine: three primitives, progress, cancellation and cost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from explainers.core.capabilities import Needs
from explainers.core.cost import Cost
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.target import ClassTarget, Target, TopTarget, layer_of
from explainers.engine.attention_capture import AttentionCapture, AttentionGradients, capture_attention, join_captures
from explainers.engine.engine import Engine
from explainers.engine.layer_capture import CapturedMaps, LayerCapture, capture_activations, capture_gradients
from explainers.engine.memory import (
    ActivationsKey,
    AttentionKey,
    CaptureKey,
    DerivedKey,
    GradientsKey,
    MemoryKey,
    OutputsKey,
    RunMemory,
    ScoresKey,
)
from explainers.engine.network_cache import NetworkCache
from explainers.engine.network_state import NetworkParts
from explainers.engine.passes import Passes, Progress, join_chunks
from explainers.graph.hooks import output_of, tensor_of
from explainers.graph.layers import Layer, find_layer


class Run:
    """A model on an engine, with a memory of the passes made, so that methods share them.

    One run serves one set of inputs at a time; threads each take their own.

    Args:
        progress: called between chunks with the share done and a few words; may raise to stop the work.
        cancel: set it from another thread to stop the work within one chunk.
        layers: names of layers that will be looked at: whoever looks at one first looks at all of them in the same pass.
        shared: whether several methods work in this run: then the first takes what the others may want as well.
        end: the layer that the target reads, if it reads one: those above it do not run, and have no map.
    """

    def __init__(
        self,
        model: Model,
        engine: Engine,
        *,
        layers: Sequence[str | None] = (),
        shared: bool = False,
        end: str | None = None,
        progress: Progress | None = None,
        cancel: threading.Event | None = None,
    ) -> None:
        self.model = model
        self.engine = engine
        self._parts = engine.place(NetworkParts.of(model.network))
        self.network = self._parts.network
        self.passes = Passes(engine, self._parts, model, progress=progress, cancel=cancel)
        self.cache = NetworkCache(engine, self._parts, model, self.passes.check)
        self._layers: tuple[Layer, ...] | None = None
        self._expected_layers = layers
        self._shared = shared
        self._end = end
        self._memory = RunMemory()

    # -- the three primitives -------------------------------------------------------------------

    def scores(self, inputs: Tensor, target: Target) -> Tensor:
        """Scores (N,) of inputs (N, ...): forward passes only, remembered."""

        def score() -> Tensor:
            scores = target(self.outputs(inputs, layer_of(target)))
            if len(scores) != len(inputs):
                raise VitrineError(
                    f"Layer {layer_of(target)!r} puts out {len(scores)} rows for {len(inputs)} inputs, so it has no score for "
                    "each; choose another layer."
                )
            return scores

        return self._memory.recall(ScoresKey(target), inputs, score)

    def outputs(self, inputs: Tensor, layer: str | None = None) -> Tensor:
        """The network's raw outputs (N, K), or those of one of its layers: forward passes only, remembered."""

        def forward() -> Tensor:
            def work(rows: slice) -> Tensor:
                # Not inference_mode: what a network keeps from one pass to the next (a table of positions)
                # could then never take part in a gradient again.
                with torch.no_grad():
                    return self.call(self.network, inputs[rows], layer)

            return join_chunks(list(self.passes.chunks("forward", len(inputs), work, forward=1))).clone()

        return self._memory.recall(OutputsKey(layer), inputs, forward)

    def gradients(self, inputs: Tensor, target: Target) -> Tensor:
        """d score / d inputs, (N, ...), remembered."""

        def gradients() -> Tensor:
            def work(rows: slice) -> tuple[Tensor, Tensor]:
                return self.gradient(inputs[rows], target.take(range(rows.start, rows.stop)))

            chunks = list(self.passes.chunks("gradient", len(inputs), work, forward=1, backward=1))
            self._keep_outputs(inputs, target, [outputs for outputs, _ in chunks])
            return join_chunks([gradient for _, gradient in chunks])

        return self._memory.recall(GradientsKey(target), inputs, gradients)

    def capture(
        self, inputs: Tensor, layers: Sequence[str | None], target: Target, curvature: bool = False
    ) -> list[LayerCapture]:
        """Activations and gradients at `layers`: one forward and one backward pass down to the lowest of them.

        None stands for the last layer with a map over the image. What an earlier call captured is reused.

        Args:
            curvature: the Hessian times the activations as well, for one more backward pass per layer.
        """

        def key(layer: Layer) -> CaptureKey:
            return CaptureKey(layer.name, target, curvature)

        wanted = [self.layer(name) for name in layers]
        missing = self._missing_layers(inputs, wanted, key)

        def work(rows: slice) -> tuple[Tensor, CapturedMaps]:
            chunk, chunk_target = inputs[rows].detach(), target.take(range(rows.start, rows.stop))

            def forward() -> Tensor:
                return self.call(self.network, chunk, layer_of(target))

            return capture_gradients(
                self.network, missing, forward, lambda outputs: chunk_target(outputs).sum(), curvature
            )

        backward = 1 + (len(missing) if curvature else 0)
        for layer, parts in self._look_at_layers("capture", inputs, missing, work, target, backward):
            capture = LayerCapture(layer, *parts)
            self._memory.put(key(layer), inputs, capture)
            self._memory.put(ActivationsKey(layer.name), inputs, capture.activations)
        return [self._memory.get(key(layer), inputs) for layer in wanted]

    def activations(self, inputs: Tensor, layers: Sequence[str | None]) -> list[Tensor]:
        """Activations (N, C, h, w) at `layers`: one forward pass, none if they were captured before."""

        def key(layer: Layer) -> ActivationsKey:
            return ActivationsKey(layer.name)

        wanted = [self.layer(name) for name in layers]
        missing = self._missing_layers(inputs, wanted, key)

        def work(rows: slice) -> tuple[Tensor, CapturedMaps]:
            return capture_activations(self.network, missing, lambda: self.call(self.network, inputs[rows]))

        for layer, (activations,) in self._look_at_layers("activations", inputs, missing, work):
            self._memory.put(key(layer), inputs, activations)
        return [self._memory.get(key(layer), inputs) for layer in wanted]

    # -- what methods may ask besides -----------------------------------------------------------

    def expect(self, cost: Cost) -> None:
        """Announce the passes that will be made, for the share done."""
        self.passes.expect(cost)

    def finish(self) -> None:
        """Report that all is done: some methods find out on the way that they need fewer passes than they announced."""
        self.passes.expect(self.cost)
        self.passes.check()

    def derived(self, name: str, inputs: Tensor, make: Callable[[Tensor], Tensor]) -> Tensor:
        """Other inputs made from these, once, so that passes over them are shared too."""
        return self._memory.recall(DerivedKey(name), inputs, lambda: make(inputs))

    def join(self, inputs: Tensor, rows: Sequence[Tensor]) -> None:
        """What is known of the outputs of `rows`, which together are `inputs`, is known of `inputs` from now on."""
        self._memory.join_outputs(inputs, rows)

    def resolve(self, inputs: Tensor, target: Target) -> Target:
        """`target` with every "top class" replaced by that class, at the price of a forward pass if none was made."""
        if not isinstance(target, TopTarget):
            return target
        outputs = self.outputs(inputs)
        tops = outputs.flatten(1).argmax(1).tolist()
        return ClassTarget(tops[0] if len(set(tops)) == 1 else tuple(tops))

    def layers(self) -> tuple[Layer, ...]:
        """Every layer of the network, found once by a small forward and backward pass; none of a plain function."""
        if Needs.LAYERS not in self.model.capabilities:
            return ()
        if self._layers is None:
            self._layers = self.cache.find_layers()
        return self._layers

    def layer(self, name: str | None) -> Layer:
        """The layer called `name`, or the last with a map over the image that the target depends on.

        Raises:
            VitrineError: there is no such layer, or a CAM cannot be read off it.
        """
        return find_layer(name, self.layers(), self.model.name, self._end)

    def attention(
        self, inputs: Tensor, target: Target, gradients_of: AttentionGradients = AttentionGradients.ALL
    ) -> list[AttentionCapture]:
        """Attention weights of every layer and gradients by them: one forward and one backward pass.

        All of it is kept, 8 bytes for each of an input's layers x heads x T x T: 44 MB for a ViT-B/16, half of it with
        the gradients of the last layer only.
        """
        if gradients_of is AttentionGradients.LAST and self._shared:
            gradients_of = AttentionGradients.ALL

        def call(rows: Tensor) -> Tensor:
            return self.call(self.network, rows, layer_of(target))

        def attention() -> list[AttentionCapture]:
            def work(rows: slice) -> tuple[Tensor, list[AttentionCapture]]:
                chunk_target = target.take(range(rows.start, rows.stop))
                chunk = self.to_fast_memory_format(inputs[rows])
                return capture_attention(self.network, call, chunk, chunk_target, gradients_of)

            kind = f"attention, {gradients_of.name}"
            chunks = list(self.passes.chunks(kind, len(inputs), work, forward=1, backward=1))
            self._keep_outputs(inputs, target, [outputs for outputs, _ in chunks])
            return join_captures([layers for _, layers in chunks])

        return self._memory.recall(AttentionKey(target, gradients_of), inputs, attention)

    def attribute(
        self, inputs: Tensor, work: Callable[[Tensor, Sequence[int]], Tensor], passes: Cost, kind: str
    ) -> Tensor:
        """Drive another library's method: `work(chunk of inputs, their indices)` under the turnstile, chunk by chunk.

        Args:
            passes: what one input costs.
            kind: a name under which the chunk size is learnt.
        """
        chunks = self.passes.chunks(
            kind,
            len(inputs),
            lambda rows: work(self.to_fast_memory_format(inputs[rows]), range(rows.start, rows.stop)),
            forward=passes.forward,
            backward=passes.backward,
        )
        return join_chunks(list(chunks))

    @property
    def cost(self) -> Cost:
        """What was spent so far."""
        return self.passes.cost

    # -- single passes, for work that is already in its turn ------------------------------------

    def to_fast_memory_format(self, inputs: Tensor) -> Tensor:
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

    def call(self, network: nn.Module, inputs: Tensor, layer: str | None = None, *, spare: bool = False) -> Tensor:
        """Outputs of the network or of a copy of it, or those of `layer`, above which nothing is run.

        Args:
            spare: whether nobody reads these inputs afterwards, so that a network that scales its input in place may have them.
        """
        inputs = self.to_fast_memory_format(inputs) if spare else self.to_fast_memory_format(inputs).clone()
        try:
            output = network(inputs) if layer is None else output_of(network, layer, inputs)
        except RuntimeError as error:
            misfit = _input_error(error, self.model, inputs)
            if misfit is None:
                raise
            raise misfit from error
        outputs = tensor_of(output)
        if outputs is None:
            raise VitrineError(f"{layer or self.model.name} returned no tensor of outputs.")
        return outputs

    def gradient(self, inputs: Tensor, target: Target, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Outputs (N, K) and gradients (N, ...) of the scores, each times its weight (N,)."""
        inputs = self.to_fast_memory_format(inputs.detach()).requires_grad_()
        with torch.enable_grad():
            outputs = self.call(self.network, inputs, layer_of(target))
            scores = target(outputs)
            score = scores.sum() if weights is None else (scores * weights).sum()
        gradient = torch.autograd.grad(score, inputs, allow_unused=True)[0] if score.requires_grad else None
        if gradient is None:
            raise VitrineError(
                f"The score of {self.model.name} does not depend on its input in a way that has a gradient."
            )
        return outputs.detach(), gradient

    # -- how ------------------------------------------------------------------------------------

    def _missing_layers(
        self, inputs: Tensor, layers: Sequence[Layer], key: Callable[[Layer], MemoryKey[Any]]
    ) -> list[Layer]:
        """The layers to look at in the next pass: none if these are known, else with them those that are expected later."""
        if all(self._memory.has(key(layer), inputs) for layer in layers):
            return []
        wanted = dict.fromkeys([*layers, *(self.layer(name) for name in self._expected_layers)])
        return [layer for layer in wanted if not self._memory.has(key(layer), inputs)]

    def _look_at_layers(
        self,
        kind: str,
        inputs: Tensor,
        layers: Sequence[Layer],
        work: Callable[[slice], tuple[Tensor, CapturedMaps]],
        target: Target | None = None,
        backward: int = 0,
    ) -> list[tuple[Layer, tuple[Tensor, ...]]]:
        """What `work` captures at the layers, its chunks joined; no pass is made for no layers."""
        if not layers:
            return []
        chunks = list(self.passes.chunks(kind, len(inputs), work, forward=1, backward=backward))
        self._keep_outputs(inputs, target, [outputs for outputs, _ in chunks])
        return [
            (layer, tuple(join_chunks(part) for part in zip(*(maps[layer.name] for _, maps in chunks), strict=True)))
            for layer in layers
        ]

    def _keep_outputs(self, inputs: Tensor, target: Target | None, outputs: Sequence[Tensor]) -> None:
        """Remember the outputs that came with something else."""
        self._memory.put(OutputsKey(None if target is None else layer_of(target)), inputs, join_chunks(outputs))


def _input_error(error: RuntimeError, model: Model, inputs: Tensor) -> VitrineError | None:
    """A sentence for an input that does not fit the network; None for every other error."""
    shape = tuple(inputs.shape[1:])
    if shape != model.input_shape and "memory" not in str(error):
        return VitrineError(
            f"{model.name} takes inputs of shape {model.input_shape}, and failed on {shape}: {str(error).splitlines()[0]}"
        )
    return None
