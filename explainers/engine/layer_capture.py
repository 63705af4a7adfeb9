"""Looking into a network while it runs: what its layers put out, and how the score depends on that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from explainers.core.errors import VitrineError
from explainers.graph.hooks import forward_hooks, tensor_of, with_tensor
from explainers.graph.layers import Layer

CapturedMaps = dict[str, tuple[Tensor, ...]]


@dataclass(frozen=True)
class LayerCapture:
    """A layer's map: activations A and gradients of the score, both (N, C, h, w).

    Attributes:
        curvature: the Hessian of the score times A, (N, C, h, w), where it was asked for.
    """

    layer: Layer
    activations: Tensor
    gradients: Tensor
    curvature: Tensor | None = None


def capture_activations(
    network: nn.Module, layers: Sequence[Layer], forward: Callable[[], Tensor]
) -> tuple[Tensor, CapturedMaps]:
    """Outputs of `forward`, and activations (N, C, h, w) of the layers by name; no gradients."""
    tensors: dict[str, Tensor] = {}

    def record(name: str, output: Any) -> None:
        tensor = tensor_of(output)
        assert tensor is not None
        tensors[name] = tensor.clone()  # the next module may write into what it gets

    with torch.no_grad(), forward_hooks(network, [layer.name for layer in layers], record):
        outputs = forward()
    return outputs, {layer.name: (_spatial(layer, tensors[layer.name]),) for layer in layers}


def capture_gradients(
    network: nn.Module,
    layers: Sequence[Layer],
    forward: Callable[[], Tensor],
    score: Callable[[Tensor], Tensor],
    curvature: bool = False,
    put: Tensor | None = None,
) -> tuple[Tensor, CapturedMaps]:
    """Outputs of `forward`, and activations and gradients (N, C, h, w) of the layers by name; the curvature third.

    Args:
        score: (outputs) -> the sum of all scores.
        curvature: a second backward pass per layer.
        put: what takes the place of the layers' own output.

    Raises:
        VitrineError: the score does not depend on a layer.
    """
    tensors: dict[str, Tensor] = {}

    def record(name: str, output: Any) -> Any:
        tensor = tensor_of(output) if put is None else put
        assert tensor is not None
        # The first layer reached starts the graph: nothing below it is recorded or differentiated.
        torch.set_grad_enabled(True)
        tensors[name] = tensor if tensor.requires_grad else tensor.detach().requires_grad_()
        # A copy goes on, because the next module may write into what it gets.
        return with_tensor(output, tensors[name].clone())

    # Fused attention cannot be differentiated twice.
    attention = sdpa_kernel(SDPBackend.MATH) if curvature else nullcontext()
    with torch.no_grad(), attention, forward_hooks(network, [layer.name for layer in layers], record):
        outputs = forward()
        torch.set_grad_enabled(True)
        total = score(outputs)
        reached = [layer.name for layer in layers if layer.name in tensors and total.requires_grad]
        reached_gradients = (
            torch.autograd.grad(total, [tensors[name] for name in reached], create_graph=curvature, allow_unused=True)
            if reached
            else ()
        )
        gradients = dict(zip(reached, reached_gradients, strict=True))
        maps: CapturedMaps = {}
        for layer in layers:
            gradient = gradients.get(layer.name)
            if gradient is None:
                raise VitrineError(f"The score does not depend on layer {layer.name!r}; choose another layer.")
            parts = [tensors[layer.name], gradient]
            parts += [_curvature(*parts)] if curvature else []
            maps[layer.name] = tuple(_spatial(layer, part.detach()) for part in parts)
    return outputs.detach(), maps


def _curvature(activations: Tensor, gradient: Tensor) -> Tensor:
    """The Hessian of the score with respect to `activations`, times them; zero where the score is linear in them."""
    if not gradient.requires_grad:
        return torch.zeros_like(activations)
    try:
        (product,) = torch.autograd.grad(
            gradient, activations, grad_outputs=activations.detach(), retain_graph=True, allow_unused=True
        )
    except RuntimeError as error:
        if "is not implemented" not in str(error):
            raise
        raise VitrineError(
            f"The curvature of the score cannot be computed: in PyTorch the {str(error).splitlines()[0]}; choose a method "
            "that needs gradients only, such as grad-cam."
        ) from error
    return torch.zeros_like(activations) if product is None else product


def _spatial(layer: Layer, output: Tensor) -> Tensor:
    assert layer.layout is not None
    return layer.layout.spatial(output)
