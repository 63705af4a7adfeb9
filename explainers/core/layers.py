"""The layers of a network: what each puts out, and how to read it as a map over the image."""

from __future__ import annotations

import copy
import difflib
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explainers.core.errors import VitrineError

MAX_PREFIX_TOKENS = 8  # class token, distillation token, registers

# They only move or summarise what the layer before them found.
_NOT_FEATURES = ("Pool", "Dropout", "Identity", "Flatten", "Permute", "StochasticDepth")


@dataclass(frozen=True)
class Layout:
    """Where height, width and channels are in a layer's output.

    Attributes:
        kind: "nchw"; "nhwc"; or "tokens", (N, prefix + height * width, C).
        prefix: how many tokens stand before those of the image.
    """

    kind: Literal["nchw", "nhwc", "tokens"]
    height: int
    width: int
    prefix: int = 0

    @property
    def channel_axis(self) -> int:
        """Which dimension of the output, batch included, holds the channels."""
        return {"nchw": 1, "nhwc": 3, "tokens": 2}[self.kind]

    def spatial(self, output: Tensor) -> Tensor:
        """The output as (N, C, height, width); tokens that are no part of the image are left out."""
        if self.kind == "nchw":
            return output
        if self.kind == "nhwc":
            return output.permute(0, 3, 1, 2)
        grid = output[:, self.prefix :].reshape(len(output), self.height, self.width, -1)
        return grid.permute(0, 3, 1, 2)

    def unturned(self, output: Tensor) -> Tensor:
        """What `channels_second` has made of the layer's output, as the layer puts it out."""
        return output.permute(0, 2, 3, 1) if self.kind == "nhwc" else output

    def over_places(self, masks: Tensor) -> Tensor:
        """Masks (m, height, width) in a shape to multiply the output with; 1 for tokens that are no part of the image."""
        if self.kind == "tokens":
            return F.pad(masks.flatten(1), (self.prefix, 0), value=1.0).unsqueeze(2)
        return masks.unsqueeze(self.channel_axis)


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


def tensor_of(output: Any) -> Tensor | None:
    """The tensor in what a module returned: itself, its `logits`, or the first of a tuple."""
    if isinstance(output, Tensor):
        return output
    if hasattr(output, "logits"):
        return tensor_of(output.logits)
    if isinstance(output, dict):
        return next((tensor_of(output[key]) for key in ("logits", "out") if key in output), None)
    return tensor_of(output[0]) if isinstance(output, tuple | list) and output else None


def with_tensor(output: Any, tensor: Tensor) -> Any:
    """What a module returned, with `tensor` in the place of `tensor_of(output)`."""
    if isinstance(output, Tensor):
        return tensor
    if hasattr(output, "_replace"):  # a named tuple
        name = "logits" if hasattr(output, "logits") else output._fields[0]
        return output._replace(**{name: with_tensor(getattr(output, name), tensor)})
    if hasattr(output, "logits"):
        changed = copy.copy(output)
        changed.logits = with_tensor(output.logits, tensor)
        return changed
    if isinstance(output, dict):
        changed = copy.copy(output)
        key = "logits" if "logits" in output else "out"
        changed[key] = with_tensor(output[key], tensor)
        return changed
    return type(output)([with_tensor(output[0], tensor), *output[1:]])


def find_layout(shape: Sequence[int], batch: int, image: tuple[int, int]) -> Layout | None:
    """Read a layer's output shape as a map over an image of (height, width) pixels, if it is one."""
    if shape[0] != batch:  # windows of a shifted-window transformer: not one row per input
        return None
    height, width = image
    readings: list[Layout] = []
    if len(shape) == 4:
        readings = [Layout("nchw", shape[2], shape[3]), Layout("nhwc", shape[1], shape[2])]
    if len(shape) == 3:
        for prefix in range(min(MAX_PREFIX_TOKENS, shape[1]) + 1):
            tokens = shape[1] - prefix
            rows = round(math.sqrt(tokens * height / width))
            if rows > 1 and tokens % rows == 0 and _patches(rows, tokens // rows, height, width):
                readings.append(Layout("tokens", rows, tokens // rows, prefix))
    possible = [
        r
        for r in readings
        if r.height * r.width > 1 and r.height <= height and r.width <= width
        if _same_aspect(r.height, r.width, height, width)
    ]
    # 21 tokens of a square image are 5 and a grid of 4 x 4, rather than 1 and a padded grid of 4 x 5.
    exact = [r for r in possible if r.height * width == r.width * height]
    return next(iter(exact or possible), None)


def _patches(rows: int, columns: int, height: int, width: int) -> bool:
    """Whether square patches of one size cover the image in this grid, the last of a line cut off or padded."""
    sides = range(max(1, height // (rows + 1)), height // rows + 2)
    return any(
        (height // side, width // side) == (rows, columns) or (-(-height // side), -(-width // side)) == (rows, columns)
        for side in sides
    )


def _same_aspect(h: int, w: int, height: int, width: int) -> bool:
    """Whether an h x w grid covers the image with square steps, give or take one cell of padding."""
    step = max(height / h, width / w)
    return abs(height / step - h) <= 1 and abs(width / step - w) <= 1 and w * h <= height * width


@contextmanager
def forward_hooks(network: nn.Module, names: Sequence[str], watch: Any) -> Iterator[None]:
    """Call `watch(name, output) -> new output or None` at the end of each named module's forward."""
    handles = []
    try:
        for name in names:
            hook = (lambda n: lambda _module, _inputs, output: watch(n, output))(name)
            handles.append(network.get_submodule(name).register_forward_hook(hook))
        yield
    finally:
        for handle in handles:
            handle.remove()


class _Reached(Exception):  # noqa: N818 (no error: it ends a forward pass that has gone far enough)
    pass


def channels_second(output: Tensor, inputs: Tensor) -> Tensor:
    """What a layer puts out, as (N, C, h, w) where it is a map over the images with channels last; else as it is."""
    if output.ndim != 4 or inputs.ndim != 4:
        return output
    layout = find_layout(output.shape, len(output), (inputs.shape[-2], inputs.shape[-1]))
    return layout.spatial(output) if layout is not None else output


def output_of(network: nn.Module, name: str, inputs: Tensor) -> Tensor:
    """What the layer called `name` puts out, maps as (N, C, h, w); the layers above it do not run.

    Raises:
        VitrineError: the layer does not exist, does not run, or puts out no tensor.
    """
    found: list[Any] = []

    def stop(_: str, output: Any) -> None:
        found.append(output)
        raise _Reached

    try:
        with forward_hooks(network, [name], stop), suppress(_Reached):
            network(inputs)
    except AttributeError as error:
        names = [known for known, _ in network.named_modules() if known]
        near = ", ".join(difflib.get_close_matches(name, names, n=3, cutoff=0.3) or names[-3:])
        hint = f"; did you mean one of: {near}?" if near else ", nor any other that could be looked into."
        raise VitrineError(f"{type(network).__name__} has no layer {name!r}{hint}") from error
    if not found:
        raise VitrineError(f"Layer {name!r} does not run in a forward pass.")
    output = tensor_of(found[0])
    if output is None:
        raise VitrineError(f"Layer {name!r} puts out no tensor.")
    return channels_second(output, inputs)


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
    found = set()
    for name, gradient in zip(tracked, gradients, strict=True):
        layout = layouts[name]
        if gradient is not None and layout is not None and bool(layout.spatial(gradient).any()):
            found.add(name)
    return found


def _pairs(outputs: dict[str, Tensor], layouts: dict[str, Layout | None]) -> set[str]:
    """Names of the maps with as many rows and columns as a layer before them has tokens: attention matrices.

    Before, because the maps that a convolutional stem begins with may be as wide as there are tokens after it.
    """
    tokens: set[int] = set()
    found: set[str] = set()
    for name, tensor in outputs.items():
        layout = layouts[name]
        if tensor.ndim == 3 and len(tensor) == 2:
            tokens.add(tensor.shape[1])
        elif layout is not None and layout.height == layout.width and layout.height in tokens:
            found.add(name)
    return found


def layers_up_to(layers: Sequence[Layer], end: str | None) -> Sequence[Layer]:
    """The layers that have run when the layer called `end` has; all of them if there is none of that name."""
    if end is None:
        return layers
    names = [layer.name for layer in layers]
    return layers[: names.index(end) + 1] if end in names else layers


def default_layer(layers: Sequence[Layer]) -> Layer:
    """The last layer that still has a map over the image.

    Raises:
        VitrineError: the network has none.
    """
    for layer in reversed(layers):
        if layer.explains and not any(word in layer.kind for word in _NOT_FEATURES):
            return layer
    raise VitrineError(
        "This network has no layer with a map over the image, so CAM methods have nothing to show; try a gradient method."
    )


def stages(layers: Sequence[Layer], count: int = 4) -> list[str]:
    """Names of up to `count` layers from early to late: the last one at each resolution, or evenly spaced blocks."""
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
    chosen = same_kind if last.layout.kind == "tokens" and len(same_kind) > 1 else list(by_size.values())
    if len(chosen) > count:
        places = torch.linspace(0, len(chosen) - 1, count).round().int().tolist()
        chosen = [chosen[place] for place in places]
    return [layer.name for layer in chosen]


def nearest_names(name: str, layers: Sequence[Layer]) -> str:
    """A few existing names that resemble `name`, for an error message."""
    usable = [layer.name for layer in layers if layer.explains]
    close = difflib.get_close_matches(name, usable, n=3, cutoff=0.3) or usable[-3:]
    return ", ".join(close)
