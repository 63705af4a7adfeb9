"""Attention weights, which fused kernels never hand out: computed in the open while looked at, with their gradients.

Three ways of writing attention are seen: `nn.MultiheadAttention`, `F.scaled_dot_product_attention`, and a softmax
spelled out inside a module whose class is called Attention (torchvision's Swin). A mode of torch's that holds for this
thread alone steps in, so nothing is patched: other threads, and other networks, keep their fused kernels."""

from __future__ import annotations

import enum
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from explainers.core.capabilities import is_attention
from explainers.core.errors import VitrineError
from explainers.core.target import ClassTarget, Target, TopTarget, layer_of
from explainers.graph.attention import SOFTMAX_CALLS, attention_blocks, decomposed_attention, decomposed_multi_head
from explainers.graph.hooks import forward_hooks, tensor_of, with_tensor
from explainers.graph.layout import Layout, Windows, find_layout


class AttentionGradients(enum.Enum):
    """Which gradients by attention weights are taken, and of what."""

    LAST = enum.auto()  # of the score, by the last layer's weights: enough to tell which tokens are read
    ALL = enum.auto()  # of the score, by every layer's
    EACH_BLOCK_ALONE = enum.auto()  # of what the network's own head makes of each block's tokens, by that block's


@dataclass(frozen=True)
class AttentionCapture:
    """One attention layer of a network.

    Attributes:
        name: of the innermost module that ran, as in `network.named_modules()`.
        weights: after the softmax, (N, heads, T, T): row i is what token i attends to, and sums up to 1.
            Where the layer attends within windows, N counts the windows of all images.
        layout: where the tokens lie on the image; None where that is not known.
        weight_gradients: d score / d weights, of the same shape; None where they were not taken.
    """

    name: str
    weights: Tensor
    layout: Layout | Windows | None
    weight_gradients: Tensor | None

    @property
    def gradients(self) -> Tensor:
        """d score / d weights, for those who asked for them."""
        assert self.weight_gradients is not None, f"{self.name} was captured without gradients"
        return self.weight_gradients


@dataclass(frozen=True)
class _AttentionSeen:
    """Attention as it ran: its weights in the graph, the module, and the shape of the module's input."""

    name: str
    module: nn.Module | None
    shape: tuple[int, ...]
    weights: Tensor


class _DecomposingMode(TorchFunctionMode):
    """While active on a thread, attention is computed step by step and its weights are kept in `seen`."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[_AttentionSeen] = []
        self.running: list[tuple[str, nn.Module, tuple[int, ...]]] = []
        self._multi_head = decomposed_multi_head(self._product, self._softmax)

    def __torch_function__(
        self, func: Any, kinds: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is F.multi_head_attention_forward:
            return self._multi_head(*args, **kwargs)
        if func is F.scaled_dot_product_attention:
            return self._product(*args, **kwargs)
        if func in SOFTMAX_CALLS and any(is_attention(module) for _, module, _ in self.running):
            return self._softmax(*args, **kwargs, function=func)
        return func(*args, **kwargs)

    def _product(self, *args: Any, **kwargs: Any) -> Tensor:
        return decomposed_attention(lambda logits: self._record(logits.softmax(-1)), *args, **kwargs)

    def _softmax(self, input: Tensor, *args: Any, function: Any = F.softmax, **kwargs: Any) -> Any:
        weights = function(input, *args, **kwargs)
        dim = args[0] if args else kwargs.get("dim")
        square = weights.ndim >= 3 and weights.shape[-1] == weights.shape[-2]
        if not square or dim not in (-1, weights.ndim - 1):
            return weights
        return self._record(weights).clone()  # a copy goes on, because what follows may write into what it gets

    def _record(self, weights: Tensor) -> Tensor:
        # The first attention reached starts the graph: nothing below it is recorded or differentiated.
        weights = weights if weights.requires_grad else weights.detach().requires_grad_()
        name, module, shape = self.running[-1] if self.running else ("", None, ())
        for outer, candidate, outer_shape in reversed(self.running):
            if is_attention(candidate):  # rather than the softmax module inside it
                name, module, shape = outer, candidate, outer_shape
                break
        self.seen.append(_AttentionSeen(name, module, shape, weights))
        return weights


@contextmanager
def _decomposed(network: nn.Module) -> Iterator[list[_AttentionSeen]]:
    """Attention in the open inside; the network and the thread as before outside."""
    mode = _DecomposingMode()
    thread = threading.get_ident()  # hooks, unlike the mode, are called by every thread that runs the network

    def enters(name: str, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if threading.get_ident() == thread:
            tensor = tensor_of(inputs)
            mode.running.append((name, module, tuple(tensor.shape) if tensor is not None else ()))

    def leaves(module: nn.Module, inputs: Any, output: Any) -> None:
        if threading.get_ident() == thread:
            mode.running.pop()

    handles = []
    try:
        for name, module in network.named_modules():
            entry = (lambda n: lambda module, inputs: enters(n, module, inputs))(name)
            handles.append(module.register_forward_pre_hook(entry))
            handles.append(module.register_forward_hook(leaves))
        with mode:
            yield mode.seen
    finally:
        for handle in handles:
            handle.remove()


def capture_attention(
    network: nn.Module,
    call: Callable[[Tensor], Tensor],
    inputs: Tensor,
    target: Target,
    gradients_of: AttentionGradients = AttentionGradients.ALL,
) -> tuple[Tensor, list[AttentionCapture]]:
    """Outputs (N, K) of a frozen network, and its attention: one forward pass and one backward, only as deep as `gradients_of` asks.

    Args:
        call: runs the network on inputs (N, C, H, W).

    Raises:
        VitrineError: no attention was met, or the score does not depend on it.
    """
    with torch.enable_grad(), _decomposed(network) as seen:
        if gradients_of is AttentionGradients.EACH_BLOCK_ALONE:
            outputs, score = _scores_of_blocks(network, call, inputs.detach(), target)
        else:
            outputs = call(inputs.detach())
            score = target(outputs).sum()
    name = type(network).__name__
    if not seen and (layer := layer_of(target)) is not None:
        raise VitrineError(f"No attention runs before layer {layer!r} of {name}; choose a channel of a later layer.")
    if not seen:
        raise VitrineError(
            f"No attention was met while {name} ran: it is not written with nn.MultiheadAttention, "
            "F.scaled_dot_product_attention or a softmax; choose another method, such as grad-cam."
        )
    if not score.requires_grad:
        raise VitrineError(f"The score of {name} does not depend on its attention; choose another method.")
    layers = seen[-1:] if gradients_of is AttentionGradients.LAST else seen
    gradients = torch.autograd.grad(
        score, [layer.weights for layer in layers], allow_unused=True, materialize_grads=True
    )
    gradients_or_none = [*[None] * (len(seen) - len(layers)), *gradients]
    image = (inputs.shape[-2], inputs.shape[-1])
    return outputs.detach(), [
        _capture(layer, gradient, len(inputs), image) for layer, gradient in zip(seen, gradients_or_none, strict=True)
    ]


def _capture(seen: _AttentionSeen, gradient: Tensor | None, batch: int, image: tuple[int, int]) -> AttentionCapture:
    def by_input(values: Tensor) -> Tensor:
        folded = values.ndim == 3 and len(values) % batch == 0  # heads folded into the batch, or a single one
        return values.reshape(batch, -1, *values.shape[1:]) if folded else values

    weights = by_input(seen.weights.detach())
    layout = _layout(seen, weights, batch, image)
    return AttentionCapture(seen.name, weights, layout, None if gradient is None else by_input(gradient))


def _layout(seen: _AttentionSeen, weights: Tensor, batch: int, image: tuple[int, int]) -> Layout | Windows | None:
    """Where the tokens of a layer lie: all over the image, or in the windows that its module tells of."""
    tokens = weights.shape[-1]
    if weights.ndim != 4 or weights.shape[-2] != tokens:
        return None
    if len(weights) == batch:
        return find_layout((batch, tokens, 1), batch, image)
    window, shift = (getattr(seen.module, name, None) for name in ("window_size", "shift_size"))
    if window is None or shift is None or len(seen.shape) != 4:
        return None
    height, width = seen.shape[1:3]
    counts = [-(-side // length) for side, length in zip((height, width), window, strict=True)]
    if math.prod(window) != tokens or batch * math.prod(counts) != len(weights):
        return None
    # A window that covers the whole side is not shifted along it.
    rolled = [0 if count == 1 else by for by, count in zip(shift, counts, strict=True)]
    return Windows(height, width, (window[0], window[1]), (rolled[0], rolled[1]))


def join_captures(chunks: Sequence[list[AttentionCapture]]) -> list[AttentionCapture]:
    """The layers of several chunks of inputs, put together layer by layer."""
    if len(chunks) == 1:
        return chunks[0]
    return [
        AttentionCapture(
            layers[0].name,
            torch.cat([layer.weights for layer in layers]),
            layers[0].layout,
            None if layers[0].weight_gradients is None else torch.cat([layer.gradients for layer in layers]),
        )
        for layers in zip(*chunks, strict=True)
    ]


def _scores_of_blocks(
    network: nn.Module, call: Callable[[Tensor], Tensor], inputs: Tensor, target: Target
) -> tuple[Tensor, Tensor]:
    """Outputs (N, K), and the sum of the scores that the head gives to the tokens of every block.

    Blocks get their tokens cut off from the graph, and the last one hands on those of all of them, stacked as further
    rows: so one pass through the head gives every block's score, and one pass back every gradient.
    """
    blocks = attention_blocks(network)
    batch = len(inputs)
    stacked: list[Tensor] = []

    def cut(name: str, output: Any) -> Any:
        tokens = tensor_of(output)
        if tokens is None or len(tokens) != batch or (stacked and tokens.shape != stacked[0].shape):
            raise VitrineError(
                f"The blocks of {type(network).__name__} do not all put out tokens of one shape, one row per input, so its "
                "head cannot read each of them; choose another method, such as transformer-attribution."
            )
        stacked.append(tokens)
        return with_tensor(output, tokens.detach() if name != blocks[-1] else torch.cat(stacked))

    with forward_hooks(network, blocks, cut):
        outputs = call(inputs)
    own = outputs[-batch:]
    if isinstance(target, TopTarget):
        target = ClassTarget(tuple(own.flatten(1).argmax(1).tolist()))
    if len(outputs) != batch * len(stacked):
        raise VitrineError(
            f"The head of {type(network).__name__} does not take the tokens of all blocks at once; "
            "choose another method, such as transformer-attribution."
        )
    return own, target.take([*range(batch)] * len(stacked))(outputs).sum()
