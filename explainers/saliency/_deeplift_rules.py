"""Copies of a network whose backward pass Captum's rules change as published, and the rules that are ours.

Captum looks its rules up by the type of a module. Its rule for softmax subtracts a mean over all the pictures that come
together, and its rule for max pooling loses what overlapping windows share; so here both are modules of other types,
with rules of ours. ReLU6, for which it has none, is a ReLU and a ceiling.

Its hooks lie on tensors: two modules that share one, as a ReLU and the pooling after it do, or a ReLU and the shortcut round
it, change each other's gradient; so here every such module reads a tensor of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from captum.attr._core.deep_lift import SUPPORTED_NON_LINEAR, nonlinear
from torch import Tensor, fx, nn
from torch.nn import functional as F

from explainers.graph.rewrite import module_of, with_activation_modules


def with_deeplift_rules(
    network: nn.Module, last_layer: str | None = None, observed_layer: str | None = None
) -> nn.Module:
    """A copy of `network` that computes the same, with a module of its own for every step that has a rule.

    Args, errors: as those of `with_activation_modules`.
    """
    traced = with_activation_modules(network, last_layer, observed_layer)
    for node_index, node in enumerate(list(traced.graph.nodes)):
        if modules := _modules_with_rules(traced, node):
            _replace(traced, node, modules, f"deeplift_{node_index}")
    with_rule = (*SUPPORTED_NON_LINEAR, *RULES)
    for node in list(traced.graph.nodes):
        if isinstance(module_of(traced, node), with_rule):
            _clone_input(traced, node)
    traced.graph.lint()
    traced.recompile()
    return traced.eval()


def _modules_with_rules(traced: fx.GraphModule, node: fx.Node) -> Sequence[nn.Module]:
    """Modules that one after the other compute what a step does, and have rules; none if the step has its rule, or has none."""
    module = module_of(traced, node)
    if isinstance(module, nn.Softmax):
        return [Softmax(module.dim)]
    if isinstance(module, nn.ReLU6):
        return [nn.ReLU(), Ceiling()]
    if module is not None and type(module) in MAX_POOLS and not module.return_indices:
        arguments = {name: getattr(module, name) for name in POOL_ARGUMENTS if hasattr(module, name)}
        return [MaxPool(*MAX_POOLS[type(module)], **arguments)]
    if node.op not in ("call_function", "call_method") or node.target not in CALLS or len(node.all_input_nodes) != 1:
        return []
    keywords = {name: value for name, value in node.kwargs.items() if name != "input"}
    modules = CALLS[node.target](*node.args[int("input" not in node.kwargs) :], **keywords)
    return [modules] if isinstance(modules, nn.Module) else modules


def _replace(traced: fx.GraphModule, node: fx.Node, modules: Sequence[nn.Module], name: str) -> None:
    (last,) = node.all_input_nodes
    with traced.graph.inserting_before(node):
        for position, module in enumerate(modules):
            traced.add_submodule(f"{name}_{position}", module)
            last = traced.graph.call_module(f"{name}_{position}", (last,))
    node.replace_all_uses_with(last)
    traced.graph.erase_node(node)


def _clone_input(traced: fx.GraphModule, node: fx.Node) -> None:
    (source,) = node.all_input_nodes
    with traced.graph.inserting_before(node):
        clone = traced.graph.call_method("clone", (source,))
    node.replace_input_with(source, clone)


class Ceiling(nn.Module):
    """What ReLU6 does after ReLU, which has its rules by itself."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.clamp(max=6)


class MaxPool(nn.Module):
    """Max pooling of any kind, of a type that Captum has no rule for.

    Args:
        pool: puts out the largest values and their indices among the last `dimensions`.
        arguments, keywords: for `pool`, after its input.
    """

    def __init__(
        self, pool: Callable[..., tuple[Tensor, Tensor]], dimensions: int, *arguments: Any, **keywords: Any
    ) -> None:
        super().__init__()
        self.pool, self.dimensions, self.arguments, self.keywords = pool, dimensions, arguments, keywords

    def forward(self, inputs: Tensor) -> Tensor:
        return self.values_and_indices(inputs)[0]

    def values_and_indices(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        return self.pool(inputs, *self.arguments, **self.keywords)


class Softmax(nn.Module):
    """Softmax, of a type that Captum has no rule for."""

    def __init__(self, dim: int | None) -> None:
        super().__init__()
        self.dim = 1 if dim is None else dim  # what None stands for in a batch of vectors

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.softmax(self.dim)


def _softmax_modules(dim: int | None = None, *others: object, **keywords: object) -> Sequence[nn.Module]:
    """No module where the call asks for another dtype too."""
    return [] if others or keywords.get("dtype") is not None else [Softmax(dim)]


MAX_POOLS: dict[type[nn.Module], tuple[Callable[..., tuple[Tensor, Tensor]], int]] = {
    nn.MaxPool1d: (F.max_pool1d_with_indices, 1),
    nn.MaxPool2d: (F.max_pool2d_with_indices, 2),
    nn.MaxPool3d: (F.max_pool3d_with_indices, 3),
    nn.AdaptiveMaxPool1d: (F.adaptive_max_pool1d_with_indices, 1),
    nn.AdaptiveMaxPool2d: (F.adaptive_max_pool2d_with_indices, 2),
    nn.AdaptiveMaxPool3d: (F.adaptive_max_pool3d_with_indices, 3),
}

POOL_ARGUMENTS = ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "output_size")


# Steps written as calls, and what makes a module that computes the same from their arguments.
CALLS: dict[object, Callable[..., nn.Module | Sequence[nn.Module]]] = {
    F.relu6: lambda **_: [nn.ReLU(), Ceiling()],
    F.leaky_relu: nn.LeakyReLU,
    F.elu: nn.ELU,
    F.softplus: nn.Softplus,
    **dict.fromkeys((F.max_pool1d, torch.max_pool1d), partial(MaxPool, *MAX_POOLS[nn.MaxPool1d])),
    **dict.fromkeys((F.max_pool2d, torch.max_pool2d), partial(MaxPool, *MAX_POOLS[nn.MaxPool2d])),
    **dict.fromkeys((F.max_pool3d, torch.max_pool3d), partial(MaxPool, *MAX_POOLS[nn.MaxPool3d])),
    F.adaptive_max_pool1d: partial(MaxPool, *MAX_POOLS[nn.AdaptiveMaxPool1d]),
    F.adaptive_max_pool2d: partial(MaxPool, *MAX_POOLS[nn.AdaptiveMaxPool2d]),
    F.adaptive_max_pool3d: partial(MaxPool, *MAX_POOLS[nn.AdaptiveMaxPool3d]),
    F.softmax: _softmax_modules,
    torch.softmax: _softmax_modules,
    "softmax": _softmax_modules,
}


def softmax_rescale_rule(
    module: Softmax, inputs: Tensor, outputs: Tensor, grad_input: Tensor, grad_output: Tensor, eps: float
) -> Tensor:
    """DeepLift's rescale rule for softmax, as multipliers of its inputs; inputs come first, as many references after them.

    Softmax is exp(x - log sum exp x). The rescale rule of exp is the logarithmic mean of output and reference's output, L.
    As the outputs add up to one whatever x is, the sum of L * (change of x - change of log sum exp x) is 0, which
    says how log sum exp x changes: by the mean change of x, weighted by L. So this is softmax's gradient with L in the
    place of its outputs: nothing is lost, and a number added to all of x makes no difference.
    """
    logs, reference_logs = inputs.log_softmax(module.dim).chunk(2)
    ratio = (logs - reference_logs).abs()
    means = torch.maximum(*outputs.chunk(2)) * torch.where(ratio > 0, -torch.expm1(-ratio) / ratio, 1)
    means = torch.cat([means, means])
    weights = means / means.sum(module.dim, keepdim=True).clamp_min(torch.finfo(means.dtype).tiny)
    return means * (grad_output - (weights * grad_output).sum(module.dim, keepdim=True))


def max_pool_rescale_rule(
    module: MaxPool, inputs: Tensor, outputs: Tensor, grad_input: Tensor, grad_output: Tensor, eps: float
) -> Tensor:
    """DeepLift's rescale rule for max pooling, as multipliers of its inputs; inputs come first, as many references after them.

    What a window puts out changes by no more than the larger of both largest values does: it is laid to that value's account.
    As in Captum, but a value gets what all windows that it is the largest of send back.
    """
    dimensions = module.dimensions
    indices, reference_indices = module.values_and_indices(inputs)[1].flatten(-dimensions).chunk(2)
    change = torch.sub(*outputs.chunk(2)).flatten(-dimensions)
    slope = grad_output.chunk(2)[0].flatten(-dimensions)
    delta = torch.sub(*inputs.chunk(2))
    shares = torch.zeros_like(delta).flatten(-dimensions)
    receivers = torch.where(change >= 0, indices, reference_indices)
    shares = shares.scatter_add(-1, receivers, slope * change).view(delta.shape)
    multipliers, unchanged = shares / delta, delta.abs() < eps
    return torch.where(torch.cat([unchanged, unchanged]), grad_input, torch.cat([multipliers, multipliers]))


def deeplift_eps(values: Tensor) -> float:
    """What DeepLift takes for no change: Captum's 1e-10, or the least that is no zero in a dtype with a smaller range."""
    return max(1e-10, torch.finfo(values.dtype).tiny)


RULES: dict[type[nn.Module], Callable[..., Any]] = {
    Ceiling: nonlinear,
    MaxPool: max_pool_rescale_rule,
    Softmax: softmax_rescale_rule,
}

_table_lock = threading.Lock()
_table_users = 0


@contextmanager
def deeplift_rules_in_captum() -> Iterator[None]:
    """While this runs, Captum's table of rules has ours too.

    Captum offers no other way in than its private table. Several threads may be inside at once: the first adds the rules,
    the last takes them out. They are for types of ours alone, so whoever else uses Captum meanwhile notices nothing.
    """
    global _table_users
    with _table_lock:
        if _table_users == 0:
            SUPPORTED_NON_LINEAR.update(RULES)
        _table_users += 1
    try:
        yield
    finally:
        with _table_lock:
            _table_users -= 1
            if _table_users == 0:
                for module_type in RULES:
                    SUPPORTED_NON_LINEAR.pop(module_type, None)
