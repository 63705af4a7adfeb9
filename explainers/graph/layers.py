"""The layers of a network: what each puts out, whether it is a map over the image, and which to look at."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from explainers.core.errors import VitrineError
from explainers.graph.hooks import forward_hooks, tensor_of
from explainers.graph.layout import Layout, find_layout

# They only move or summarise what the layer before them found.
_NOT_FEATURES = ("Pool", "Dropout", "Identity", "Flatten", "Permute", "StochasticDepth")


@dataclass(frozen=True)
class Layer:
    """One module of a network, as a forward pass found it.

    Attributes:
        name: as in `network.named_modules()`.
        kind: class name of the module.
        shape: of its output for one input, without the batch dimension.
        layout: how to read the output as a map; None if it is none.
        calls: how often one forward pass runs it.
        informed: whether the scores depend on its map. (A transformer that answers from its class
            token does not look at the other tokens of its last block.)
        by_input: whether it puts out one row per input. (Windows of a shifted-window transformer are several.)
        pairs: whether what looks like a map is an attention matrix, which is over pairs of tokens.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> layer = ex.layers(model)[-1]
        >>> layer.name, layer.kind, layer.shape, layer.channels
        ('layer4', 'Sequential', (64, 12, 12), 64)
        >>> layer.layout.height, layer.layout.width
        (12, 12)
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    layout: Layout | None
    calls: int
    informed: bool
    by_input: bool = True
    pairs: bool = False

    @property
    def has_map(self) -> bool:
        """Whether it puts out a map over the image, and only one."""
        return self.layout is not None and self.calls == 1 and not self.pairs

    @property
    def explains(self) -> bool:
        """Whether a CAM can be read off this layer."""
        return self.has_map and self.informed

    @property
    def channels(self) -> int:
        """How many channels a `ChannelTarget` finds in it; units, where it puts out a vector."""
        return self.shape[(self.layout.channel_axis if self.layout else 2 if len(self.shape) == 2 else 1) - 1]

    @property
    def has_channels(self) -> bool:
        """Whether one of its channels can be a target."""
        return self.calls == 1 and self.by_input and bool(self.shape)


@torch.enable_grad()
def find_layers(network: nn.Module, example: Tensor) -> tuple[Layer, ...]:
    """Every module that runs in a forward pass, in the order in which they finish.

    One forward and one backward pass of two inputs (2, ...). The network must be frozen.
    """
    example = example.detach().requires_grad_()
    outputs: dict[str, Tensor] = {}
    calls: dict[str, int] = {}

    def watch(name: str, output: Any) -> None:
        if (tensor := tensor_of(output)) is not None:
            calls[name] = calls.get(name, 0) + 1
            outputs.pop(name, None)  # the order of the last call counts
            outputs[name] = tensor

    names = [name for name, _ in network.named_modules() if name]
    with forward_hooks(network, names, watch):
        result = tensor_of(network(example.clone()))
    image = (example.shape[-2], example.shape[-1]) if example.ndim == 4 else None
    layouts = {n: find_layout(t.shape, 2, image) if image else None for n, t in outputs.items()}
    maps = {n: t for n, t in outputs.items() if layouts[n] is not None}
    # An untrained head of zeros (torchvision's transformers) depends on nothing: then no layer is ruled out.
    informed = _informed(result, maps, layouts) or set(maps)
    pairs = _pairs(outputs, layouts)
    return tuple(
        Layer(
            name=name,
            kind=type(network.get_submodule(name)).__name__,
            shape=tuple(tensor.shape[1:]),
            layout=layouts[name],
            calls=calls[name],
            informed=name in informed,
            by_input=len(tensor) == 2,
            pairs=name in pairs,
        )
        for name, tensor in outputs.items()
    )


def _informed(result: Tensor | None, maps: dict[str, Tensor], layouts: dict[str, Layout | None]) -> set[str]:
    """Names of the maps that the scores depend on."""
    if result is None or not maps or not result.requires_grad:
        return set()
    top = result.flatten(1).amax(1).sum()
    tracked = {name: tensor for name, tensor in maps.items() if tensor.requires_grad}
    gradients = torch.autograd.grad(top, list(tracked.values()), allow_unused=True)
    names = set()
    for name, gradient in zip(tracked, gradients, strict=True):
        layout = layouts[name]
        if gradient is not None and layout is not None and bool(layout.spatial(gradient).any()):
            names.add(name)
    return names


def _pairs(outputs: dict[str, Tensor], layouts: dict[str, Layout | None]) -> set[str]:
    """Names of the maps with as many rows and columns as a layer before them has tokens: attention matrices.

    Before, because the maps that a convolutional stem begins with may be as wide as there are tokens after it.
    """
    tokens: set[int] = set()
    names: set[str] = set()
    for name, tensor in outputs.items():
        layout = layouts[name]
        if tensor.ndim == 3 and len(tensor) == 2:
            tokens.add(tensor.shape[1])
        elif layout is not None and layout.height == layout.width and layout.height in tokens:
            names.add(name)
    return names


def layers_up_to(layers: Sequence[Layer], end: str | None) -> Sequence[Layer]:
    """The layers that have run when the layer called `end` has; all of them if there is none of that name."""
    if end is None:
        return layers
    names = [layer.name for layer in layers]
    return layers[: names.index(end) + 1] if end in names else layers


def find_layer(name: str | None, layers: Sequence[Layer], network: str, end: str | None = None) -> Layer:
    """The layer called `name`, or the last with a map over the image that the target depends on.

    Args:
        layers: every layer of the network.
        network: its name, for a message.
        end: the layer that the target reads, if it reads one: those above it do not run.

    Raises:
        VitrineError: there is no such layer, or a CAM cannot be read off it.
    """
    running = layers_up_to(layers, end)
    if name is None:
        return default_layer(running)
    layer = next((layer for layer in running if layer.name == name), None)
    if layer is not None and layer.has_map:
        return layer
    near = nearest_names(name, running)  # takes longer than a small network's pass
    if layer is None and any(layer.name == name for layer in layers):
        raise VitrineError(
            f"Layer {name!r} runs after {end!r}, whose channel is explained; choose one before it, such as {near}."
        )
    if layer is None:
        raise VitrineError(f"{network} has no layer {name!r}; did you mean one of: {near}?")
    if layer.calls > 1:
        raise VitrineError(
            f"Layer {name!r} runs {layer.calls} times in one pass, so it has no single map; choose another, such as {near}."
        )
    raise VitrineError(
        f"Layer {name!r} puts out {layer.shape}, which is no map over the image; choose another, such as {near}."
    )


def default_layer(layers: Sequence[Layer]) -> Layer:
    """The last layer that still has a map over the image.

    Raises:
        VitrineError: the network has none.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> layer = ex.default_layer(ex.layers(model))
        >>> layer.name, layer.shape
        ('layer4', (64, 12, 12))
    """
    for layer in reversed(layers):
        if layer.explains and not any(word in layer.kind for word in _NOT_FEATURES):
            return layer
    raise VitrineError(
        "This network has no layer with a map over the image, so CAM methods have nothing to show; try a gradient method."
    )


def stages(layers: Sequence[Layer], count: int = 4) -> list[str]:
    """Names of up to `count` layers from early to late: the last one at each resolution, or evenly spaced blocks.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> ex.stages(ex.layers(model))
        ['layer1', 'layer2', 'layer4']
    """
    last = default_layer(layers)
    usable = [layer for layer in layers if layer.explains and not any(word in layer.kind for word in _NOT_FEATURES)]
    usable = usable[: usable.index(last) + 1]
    same_kind = [layer for layer in usable if layer.kind == last.kind and layer.name.count(".") == last.name.count(".")]
    by_size: dict[tuple[int, int], Layer] = {}
    for layer in usable:
        assert layer.layout is not None
        size = (layer.layout.height, layer.layout.width)
        # Whole stages ("layer3") rather than parts of them ("layer3.0.conv1").
        if size not in by_size or layer.name.count(".") <= by_size[size].name.count("."):
            by_size[size] = layer
    assert last.layout is not None
    # Transformers keep one resolution all the way: there the same part of every block is compared.
    candidates = same_kind if last.layout.kind == "tokens" and len(same_kind) > 1 else list(by_size.values())
    if len(candidates) > count:
        places = torch.linspace(0, len(candidates) - 1, count).round().int().tolist()
        candidates = [candidates[place] for place in places]
    return [layer.name for layer in candidates]


def nearest_names(name: str, layers: Sequence[Layer]) -> str:
    """A few existing names that resemble `name`, for an error message."""
    usable = [layer.name for layer in layers if layer.explains]
    close = difflib.get_close_matches(name, usable, n=3, cutoff=0.3) or usable[-3:]
    return ", ".join(close)
