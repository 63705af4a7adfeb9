"""Copies of a network that compute the same in another way.

Methods that change the backward pass at activations (guided backpropagation, DeepLift) hook modules. They are
silently wrong, or refuse, where one module is called several times, where it writes in place, or where
the activation is a plain function call. torchvision's networks do all three."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from explainers.core.errors import VitrineError

OBSERVED = "observed_layer"
_RETURNING_TUPLES = (nn.MultiheadAttention, nn.RNNBase)


# Activations written as calls, and the module that computes the same.
ACTIVATION_CALLS: dict[object, type[nn.Module]] = {
    torch.relu: nn.ReLU,
    F.relu: nn.ReLU,
    torch.sigmoid: nn.Sigmoid,
    F.sigmoid: nn.Sigmoid,
    torch.tanh: nn.Tanh,
    F.tanh: nn.Tanh,
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
}


# Steps that write into their first input, and what computes the same without.
INPLACE_CALLS: dict[object, Any] = {
    torch.relu_: torch.relu,
    F.relu_: F.relu,
    "relu_": "relu",
    F.leaky_relu_: F.leaky_relu,
    F.elu_: F.elu,
    operator.iadd: operator.add,
    operator.imul: operator.mul,
    operator.isub: operator.sub,
    "add_": "add",
    "mul_": "mul",
    "sub_": "sub",
}


def copy_network(network: nn.Module, shared: Iterable[Tensor] = ()) -> nn.Module:
    """A deep copy of `network`, which has the `shared` tensors in common with it.

    Raises:
        VitrineError: something in it cannot be copied.
    """
    known = {id(tensor): tensor for tensor in shared}
    for module in network.modules():
        for value in vars(module).values():
            # nn.utils.weight_norm and its like leave here the weight of the last pass, which cannot be copied with its graph.
            if isinstance(value, Tensor) and not value.is_leaf:
                known[id(value)] = value.detach().clone()
    try:
        return deepcopy(network, known)
    except Exception as error:  # the user's modules may hold anything, such as a lock
        raise VitrineError(
            f"{type(network).__name__} cannot be copied ({_reason(error)}), "
            "which this needs; use a method that runs the network as it stands, such as integrated-gradients."
        ) from error


def with_activation_modules(network: nn.Module, end: str | None = None, at: str | None = None) -> fx.GraphModule:
    """A copy of `network` that computes the same, with one out-of-place module per activation.

    Args:
        end: name of the layer whose output the copy puts out; None for the network's own.
        at: name of a layer whose output passes through a module of its own, `OBSERVED`.

    Raises:
        VitrineError: the network cannot be copied, its forward cannot be traced by torch.fx, or one of the layers is not met on the way.
    """
    copy, tracer = copy_network(network).eval(), _Tracer()  # a forward may ask whether it trains
    try:
        traced = fx.GraphModule(copy, tracer.trace(copy), type(network).__name__)
    except Exception as error:  # tracing runs the user's forward on stand-ins: anything may come out
        raise VitrineError(
            f"The forward of {type(network).__name__} cannot be traced ({_reason(error)}), "
            "so its activations cannot be told apart; use a method that needs plain gradients, such as integrated-gradients."
        ) from error
    if end is not None:
        _end_at(traced, end, tracer)
    if at is not None:
        _observe(traced, at, tracer)
    without_inplace_writes(traced)
    seen: set[str] = set()
    for node_index, node in enumerate(list(traced.graph.nodes)):
        if node.op in ("call_function", "call_method") and node.target in ACTIVATION_CALLS:
            name = f"activation_{node_index}"
            traced.add_submodule(name, ACTIVATION_CALLS[node.target]())
            _call_module(traced, node, name)
        elif node.op == "call_module":
            module = traced.get_submodule(node.target)
            if node.target in seen and not list(module.parameters()):
                name = f"{node.target.replace('.', '_')}_call_{node_index}"
                traced.add_submodule(name, deepcopy(module))
                node.target = name
            seen.add(node.target)
    traced.graph.lint()
    traced.recompile()
    traced.eval().requires_grad_(False)
    return traced


def _reason(error: Exception) -> str:
    """The first line of what an error says, or its kind if it says nothing."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__


class _Tracer(fx.Tracer):
    """Remembers what every module returned."""

    def __init__(self) -> None:
        super().__init__()
        self.returned: dict[str, Any] = {}

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        output = super().call_module(m, forward, args, kwargs)
        self.returned[self.path_of_module(m)] = output
        return output


def _end_at(traced: fx.GraphModule, layer: str, tracer: _Tracer) -> None:
    """Put out what a layer puts out, and run nothing after it."""
    nodes, last = list(traced.graph.nodes), _output_nodes(traced, layer, tracer)[-1]
    nodes[-1].args = (last,)
    for node in reversed(nodes[nodes.index(last) + 1 : -1]):
        traced.graph.erase_node(node)


def _observe(traced: fx.GraphModule, layer: str, tracer: _Tracer) -> None:
    """Send what a layer puts out through the module `OBSERVED`, whatever the layer is made of."""
    same = _output_nodes(traced, layer, tracer)
    traced.add_submodule(OBSERVED, nn.Identity())
    with traced.graph.inserting_after(same[-1]):
        # What the layer itself makes of it besides reads another tensor: it is no way from the layer's output to the score.
        own = traced.graph.call_method("clone", (same[-1],))
    with traced.graph.inserting_after(own):
        seen = traced.graph.call_module(OBSERVED, (own,))
    for alias in same:
        alias.replace_all_uses_with(seen, delete_user_cb=lambda user: user is not own and not _is_in(user, layer))


def _output_nodes(traced: fx.GraphModule, layer: str, tracer: _Tracer) -> list[fx.Node]:
    """The step that makes the tensor which a layer returns, or the first of those that it returns.

    After it come the steps by which the layer writes into that tensor: other names for it, of which the last has its values.
    """
    node = _first(tracer.returned.get(layer))
    if node is not None and not _is_in(node, layer):
        node = None  # handed on as it came: others read it too
    if node is not None and isinstance(module_of(traced, node), _RETURNING_TUPLES):
        node = next((user for user in node.users if user.target is operator.getitem and user.args[1] == 0), None)
    if node is None:
        raise VitrineError(
            f"Layer {layer!r} is not met where the network is taken apart step by step; choose another layer, or a method that "
            "needs plain gradients, such as integrated-gradients."
        )
    same = [node]
    for step in traced.graph.nodes:
        if _is_in(step, layer) and writes_in_place(traced, step) and set(same).intersection(step.all_input_nodes[:1]):
            same.append(step)
    return same


def _first(returned: Any) -> fx.Node | None:
    """What `tensor_of` finds in a module's output, in what stands for it while tracing."""
    if isinstance(returned, fx.Proxy):
        return returned.node
    if isinstance(returned, dict):
        return next((_first(returned[key]) for key in ("logits", "out") if key in returned), None)
    if isinstance(returned, tuple | list):
        return _first(returned[0]) if returned else None
    return _first(getattr(returned, "logits", None))


def _is_in(node: fx.Node, layer: str) -> bool:
    return layer in node.meta.get("nn_module_stack", {})


def without_inplace_writes(traced: fx.GraphModule) -> None:
    """Give every step that writes into its input an output of its own, which all later steps read instead."""
    reached: set[fx.Node] = set()
    for node in traced.graph.nodes:
        reached.add(node)
        if writes_in_place(traced, node) and isinstance(written := next(iter(node.all_input_nodes), None), fx.Node):
            written.replace_all_uses_with(node, delete_user_cb=lambda user: user not in reached)
            node.target = INPLACE_CALLS.get(node.target, node.target)
            if "inplace" in node.kwargs:
                node.update_kwarg("inplace", False)
    for module in traced.modules():
        if getattr(module, "inplace", False):
            setattr(module, "inplace", False)  # noqa: B010 (mypy takes it for a tensor)


def writes_in_place(traced: fx.GraphModule, node: fx.Node) -> bool:
    """Whether a step is known to write into its first input."""
    if node.op == "call_module":
        return bool(getattr(module_of(traced, node), "inplace", False))
    return node.target in INPLACE_CALLS or bool(node.kwargs.get("inplace"))


def _call_module(traced: fx.GraphModule, node: fx.Node, name: str) -> None:
    with traced.graph.inserting_before(node):
        replacement = traced.graph.call_module(name, (node.args[0] if node.args else node.kwargs["input"],))
    node.replace_all_uses_with(replacement)
    traced.graph.erase_node(node)


def merge_batch_norms(traced: fx.GraphModule) -> None:
    """Work every batch norm into the convolution or linear layer before it, where nobody else reads what that puts out."""
    calls = Counter(node.target for node in traced.graph.nodes if node.op == "call_module")
    for node in list(traced.graph.nodes):
        norm = module_of(traced, node)
        if not isinstance(norm, _BatchNorm) or norm.running_mean is None:
            continue
        (before,) = node.all_input_nodes
        layer = module_of(traced, before)
        if not isinstance(layer, _ConvNd | nn.Linear) or not _takes(layer, norm):
            continue
        if len(before.users) > 1 or calls[before.target] > 1:
            continue
        merged: nn.Module
        if isinstance(layer, _ConvNd):
            merged = fuse_conv_bn_eval(layer, norm, transpose=isinstance(layer, _ConvTransposeNd))
        else:
            merged = fuse_linear_bn_eval(layer, norm)
        traced.set_submodule(str(before.target), merged)
        node.replace_all_uses_with(before)
        traced.graph.erase_node(node)


def _takes(layer: _ConvNd | nn.Linear, norm: _BatchNorm) -> bool:
    """Whether a norm of what the layer puts out is a norm of its channels, and its weight is not made anew in every pass."""
    channels = layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels
    return channels == norm.num_features and layer._parameters.get("weight") is not None


def module_of(traced: fx.GraphModule, node: fx.Node) -> nn.Module | None:
    """The module that a node calls, if it calls one."""
    return traced.get_submodule(str(node.target)) if node.op == "call_module" else None
