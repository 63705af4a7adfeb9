"""One explanation's way through the engine: three primitives, progress, cancellation and cost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

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
from explainers.engine.network_cache import NetworkCache
from explainers.engine.network_state import NetworkParts
from explainers.engine.passes import Passes, Progress
from explainers.graph.hooks import output_of, tensor_of
from explainers.graph.layers import Layer, default_layer, layers_up_to, nearest_names

T = TypeVar("T")


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
        self._together = layers
        self._shared = shared
        self._end = end
        self._memory: dict[tuple[Any, ...], tuple[Tensor, Any]] = {}

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

        return self._remember(("scores", target), inputs, score)

    def outputs(self, inputs: Tensor, layer: str | None = None) -> Tensor:
        """The network's raw outputs (N, K), or those of one of its layers: forward passes only, remembered."""

        def forward() -> Tensor:
            def work(rows: slice) -> Tensor:
                # Not inference_mode: what a network keeps from one pass to the next (a table of positions)
                # could then never take part in a gradient again.
                with torch.no_grad():
                    return self.call(self.network, inputs[rows], layer)

            return joined(list(self.passes.chunks("forward", len(inputs), work, forward=1))).clone()

        return self._remember(("outputs", layer), inputs, forward)

    def gradients(self, inputs: Tensor, target: Target) -> Tensor:
        """d score / d inputs, (N, ...), remembered."""

        def gradients() -> Tensor:
            def work(rows: slice) -> tuple[Tensor, Tensor]:
                return self.gradient(inputs[rows], target.take(range(rows.start, rows.stop)))

            done = list(self.passes.chunks("gradient", len(inputs), work, forward=1, backward=1))
            self._know_outputs(inputs, target, [outputs for outputs, _ in done])
            return joined([gradient for _, gradient in done])

        return self._remember(("gradients", target), inputs, gradients)

    def capture(
        self, inputs: Tensor, layers: Sequence[str | None], target: Target, curvature: bool = False
    ) -> list[LayerCapture]:
        """Activations and gradients at `layers`: one forward and one backward pass down to the lowest of them.

        None stands for the last layer with a map over the image. What an earlier call captured is reused.

        Args:
            curvature: the Hessian times the activations as well, for one more backward pass per layer.
        """

        def work(rows: slice, wanted: Sequence[Layer]) -> tuple[Tensor, CapturedMaps]:
            chunk, chunk_target = inputs[rows].detach(), target.take(range(rows.start, rows.stop))

            def forward() -> Tensor:
                return self.call(self.network, chunk, layer_of(target))

            return capture_gradients(
                self.network, wanted, forward, lambda outputs: chunk_target(outputs).sum(), curvature
            )

        found = self._look(inputs, layers, ("capture", target, curvature), work, target, 1, int(curvature))
        return [LayerCapture(layer, *parts) for layer, parts in found]

    def activations(self, inputs: Tensor, layers: Sequence[str | None]) -> list[Tensor]:
        """Activations (N, C, h, w) at `layers`: one forward pass, none if they were captured before."""

        def work(rows: slice, wanted: Sequence[Layer]) -> tuple[Tensor, CapturedMaps]:
            return capture_activations(self.network, wanted, lambda: self.call(self.network, inputs[rows]))

        return [parts[0] for _, parts in self._look(inputs, layers, ("activations",), work)]

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
        return self._remember(("derived", name), inputs, lambda: make(inputs))

    def join(self, inputs: Tensor, rows: Sequence[Tensor]) -> None:
        """What is known of the outputs of `rows`, which together are `inputs`, is known of `inputs` from now on."""
        known = [self._memory.get(("outputs", None, id(row))) for row in rows]
        if all(found is not None for found in known):
            self._memory["outputs", None, id(inputs)] = (inputs, torch.cat([found[1] for found in known if found]))

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
        layers = layers_up_to(self.layers(), self._end)
        if name is None:
            return default_layer(layers)
        layer = next((layer for layer in layers if layer.name == name), None)
        if layer is not None and layer.has_map:
            return layer
        near = nearest_names(name, layers)  # takes longer than a small network's pass
        above = layer is None and any(layer.name == name for layer in self.layers())
        if above:
            raise VitrineError(
                f"Layer {name!r} runs after {self._end!r}, whose channel is explained; choose one before it, such as {near}."
            )
        if layer is None:
            raise VitrineError(f"{self.model.name} has no layer {name!r}; did you mean one of: {near}?")
        if layer.calls > 1:
            raise VitrineError(
                f"Layer {name!r} runs {layer.calls} times in one pass, so it has no single map; choose another, such as {near}."
            )
        raise VitrineError(
            f"Layer {name!r} puts out {layer.shape}, which is no map over the image; choose another, such as {near}."
        )

    def attention(
        self, inputs: Tensor, target: Target, slopes: AttentionGradients = AttentionGradients.ALL
    ) -> list[AttentionCapture]:
        """Attention weights of every layer and gradients by them: one forward and one backward pass.

        All of it is kept, 8 bytes for each of an input's layers x heads x T x T: 44 MB for a ViT-B/16, half of it with
        the gradients of the last layer only.
        """
        if slopes is AttentionGradients.LAST and self._shared:
            slopes = AttentionGradients.ALL

        def call(rows: Tensor) -> Tensor:
            return self.call(self.network, rows, layer_of(target))

        def attention() -> list[AttentionCapture]:
            def work(rows: slice) -> tuple[Tensor, list[AttentionCapture]]:
                chunk, its_target = self.laid_out(inputs[rows]), target.take(range(rows.start, rows.stop))
                return capture_attention(self.network, call, chunk, its_target, slopes)

            done = list(self.passes.chunks(f"attention, {slopes.name}", len(inputs), work, forward=1, backward=1))
            self._know_outputs(inputs, target, [outputs for outputs, _ in done])
            return join_captures([layers for _, layers in done])

        return self._remember(("attention", target, slopes), inputs, attention)

    def attribute(
        self, inputs: Tensor, work: Callable[[Tensor, Sequence[int]], Tensor], passes: Cost, kind: str
    ) -> Tensor:
        """Drive another library's method: `work(chunk of inputs, their numbers)` under the turnstile, chunk by chunk.

        Args:
            passes: what one input costs.
            kind: a name under which the chunk size is learnt.
        """
        done = self.passes.chunks(
            kind,
            len(inputs),
            lambda rows: work(self.laid_out(inputs[rows]), range(rows.start, rows.stop)),
            forward=passes.forward,
            backward=passes.backward,
        )
        return joined(list(done))

    @property
    def cost(self) -> Cost:
        """What was spent so far."""
        return self.passes.cost

    # -- single passes, for work that is already in its turn ------------------------------------

    def laid_out(self, inputs: Tensor) -> Tensor:
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
        inputs = self.laid_out(inputs) if spare else self.laid_out(inputs).clone()
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

    def gradient(self, inputs: Tensor, target: Target, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Outputs (N, K) and gradients (N, ...) of the scores, each times its weight (N,)."""
        inputs = self.laid_out(inputs.detach()).requires_grad_()
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

    def _look(
        self,
        inputs: Tensor,
        names: Sequence[str | None],
        kind: tuple[Any, ...],
        work: Callable[[slice, Sequence[Layer]], tuple[Tensor, CapturedMaps]],
        target: Target | None = None,
        backward: int = 0,
        backward_per_layer: int = 0,
    ) -> list[tuple[Layer, tuple[Tensor, ...]]]:
        """What `work` sees at layers, remembered under `kind`; layers that will be looked at later are seen with them."""

        def key(layer: Layer, kind: tuple[Any, ...] = kind) -> tuple[Any, ...]:
            return (layer.name, *kind, id(inputs))

        layers = [self.layer(name) for name in names]
        if any(key(layer) not in self._memory for layer in layers):
            wanted = dict.fromkeys([*layers, *(self.layer(name) for name in self._together)])
            missing = [layer for layer in wanted if key(layer) not in self._memory]
            passes = {"forward": 1, "backward": backward + backward_per_layer * len(missing)}
            done = list(self.passes.chunks(kind[0], len(inputs), lambda rows: work(rows, missing), **passes))
            self._know_outputs(inputs, target, [outputs for outputs, _ in done])
            for layer in missing:
                parts = tuple(joined(part) for part in zip(*(maps[layer.name] for _, maps in done), strict=True))
                self._memory[key(layer)] = (inputs, parts)
                self._memory[key(layer, ("activations",))] = (inputs, parts[:1])
        return [(layer, self._memory[key(layer)][1]) for layer in layers]

    def _remember(self, key: tuple[Any, ...], inputs: Tensor, make: Callable[[], T]) -> T:
        # The inputs are kept beside the result so that their id stays theirs.
        full = (*key, id(inputs))
        if full not in self._memory:
            self._memory[full] = (inputs, make())
        result: T = self._memory[full][1]
        return result

    def _know_outputs(self, inputs: Tensor, target: Target | None, outputs: Sequence[Tensor]) -> None:
        layer = None if target is None else layer_of(target)
        self._memory["outputs", layer, id(inputs)] = (inputs, joined(outputs))


def joined(parts: Sequence[Tensor]) -> Tensor:
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
