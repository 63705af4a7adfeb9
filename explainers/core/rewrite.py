"""Copies of a network in which every activation is a module of its own.

Methods that change the backward pass at activations (guided backpropagation, DeepLift) hook modules. They are
silently wrong, or refuse, where one module is called several times, where it writes in place, or where
the activation is a plain function call. torchvision's networks do all three.
"""

from __future__ import annotations

import operator
from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import fx, nn

from explainers.core.errors import VitrineError

_FUNCTIONS: dict[object, type[nn.Module]] = {
    torch.relu: nn.ReLU,
    F.relu: nn.ReLU,
    torch.relu_: nn.ReLU,
    F.relu_: nn.ReLU,
    torch.sigmoid: nn.Sigmoid,
    F.sigmoid: nn.Sigmoid,
    torch.tanh: nn.Tanh,
    F.tanh: nn.Tanh,
    "relu": nn.ReLU,
    "relu_": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
}


def with_own_activations(network: nn.Module) -> nn.Module:
    """A copy of `network` that computes the same, with one out-of-place module per activation.

    Raises:
        VitrineError: the network's forward cannot be traced by torch.fx.
    """
    copy = deepcopy(network)
    try:
        traced = fx.symbolic_trace(copy)
    except Exception as error:  # tracing runs the user's forward on stand-ins: anything may come out
        raise VitrineError(
            f"The forward of {type(network).__name__} cannot be traced ({str(error).splitlines()[0] if str(error) else type(error).__name__}), "
            "so its activations cannot be told apart; use a method that needs plain gradients, such as integrated-gradients."
        ) from error
    seen: set[str] = set()
    for number, node in enumerate(list(traced.graph.nodes)):
        if node.op in ("call_function", "call_method") and node.target in _FUNCTIONS:
            name = f"activation_{number}"
            traced.add_submodule(name, _FUNCTIONS[node.target]())
            _call_module(traced, node, name)
        elif node.op == "call_function" and node.target in (operator.iadd, operator.imul):
            node.target = operator.add if node.target is operator.iadd else operator.mul
        elif node.op == "call_module":
            module = traced.get_submodule(node.target)
            if node.target in seen and not list(module.parameters()):
                name = f"{node.target.replace('.', '_')}_call_{number}"
                traced.add_submodule(name, deepcopy(module))
                node.target = name
            seen.add(node.target)
    for module in traced.modules():
        if getattr(module, "inplace", False):
            module.inplace = False
    traced.graph.lint()
    traced.recompile()
    return traced.eval().requires_grad_(False)


def _call_module(traced: fx.GraphModule, node: fx.Node, name: str) -> None:
    with traced.graph.inserting_before(node):
        replacement = traced.graph.call_module(name, (node.args[0] if node.args else node.kwargs["input"],))
    node.replace_all_uses_with(replacement)
    traced.graph.erase_node(node)
