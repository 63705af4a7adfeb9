"""What modules put out, seen and replaced by forward hooks that are taken off again."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from torch import Tensor, nn

from explainers.core.errors import VitrineError
from explainers.graph.layout import find_layout


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
    outputs: list[Any] = []

    def stop(_: str, output: Any) -> None:
        outputs.append(output)
        raise _Reached

    try:
        with forward_hooks(network, [name], stop), suppress(_Reached):
            network(inputs)
    except AttributeError as error:
        names = [known for known, _ in network.named_modules() if known]
        near = ", ".join(difflib.get_close_matches(name, names, n=3, cutoff=0.3) or names[-3:])
        hint = f"; did you mean one of: {near}?" if near else ", nor any other that could be looked into."
        raise VitrineError(f"{type(network).__name__} has no layer {name!r}{hint}") from error
    if not outputs:
        raise VitrineError(f"Layer {name!r} does not run in a forward pass.")
    output = tensor_of(outputs[0])
    if output is None:
        raise VitrineError(f"Layer {name!r} puts out no tensor.")
    return channels_second(output, inputs)
