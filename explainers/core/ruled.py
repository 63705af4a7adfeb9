"""Copies of a network whose way back Captum's rules change as published, and the rules that are ours.

Captum looks its rules up by the type of a module. Its rule for softmax subtracts a mean over all the pictures that come
together, so here softmax is a module of another type, with a rule that keeps to each picture's own numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from captum.attr._core.deep_lift import SUPPORTED_NON_LINEAR
from torch import Tensor, fx, nn
from torch.nn import functional as F

from explainers.core.rewrite import call_module, module_of, with_own_activations


def with_ruled_steps(network: nn.Module, end: str | None = None, at: str | None = None) -> nn.Module:
    """A copy of `network` that computes the same, with a module of its own for every step that has a rule.

    Args, errors: as those of `with_own_activations`.
    """
    traced = with_own_activations(network, end, at)
    for number, node in enumerate(list(traced.graph.nodes)):
        if (module := _ruled(traced, node)) is not None:
            name = f"ruled_{number}"
            traced.add_submodule(name, module)
            call_module(traced, node, name)
    traced.graph.lint()
    traced.recompile()
    return traced.eval()


def _ruled(traced: fx.GraphModule, node: fx.Node) -> nn.Module | None:
    """A module that computes what a step does and has a rule, where the step has no such module yet."""
    if isinstance(module := module_of(traced, node), nn.Softmax):
        return Softmax(module.dim)
    if node.op not in ("call_function", "call_method") or node.target not in CALLS or len(node.all_input_nodes) != 1:
        return None
    named = {name: value for name, value in node.kwargs.items() if name != "input"}
    return CALLS[node.target](*node.args[int("input" not in node.kwargs) :], **named)


class Softmax(nn.Module):
    """Softmax, of a type that Captum has no rule for."""

    def __init__(self, dim: int | None) -> None:
        super().__init__()
        self.dim = 1 if dim is None else dim  # what None stands for in a batch of vectors

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.softmax(self.dim)


def _softmax_of(dim: int | None = None, *others: object, **named: object) -> nn.Module | None:
    """None where the call asks for another dtype too."""
    return None if others or named.get("dtype") is not None else Softmax(dim)


# Steps written as calls, and what makes a module that computes the same from their arguments.
CALLS: dict[object, Callable[..., nn.Module | None]] = {
    F.softmax: _softmax_of,
    torch.softmax: _softmax_of,
    "softmax": _softmax_of,
}


def rescaled_softmax(
    module: Softmax, inputs: Tensor, outputs: Tensor, grad_input: Tensor, grad_output: Tensor, eps: float
) -> Tensor:
    """DeepLift's rescale rule for softmax, as multipliers of its inputs; inputs come first, as many references after them.

    Softmax is exp(x - log sum exp x). The rescale rule of exp is the logarithmic mean of output and reference's output, L.
    As the outputs add up to one whatever x is, the sum of L * (change of x - change of log sum exp x) is 0, which
    says how log sum exp x changes: by the mean change of x, weighted by L. So this is softmax's gradient with L in the
    place of its outputs: nothing is lost, and a number added to all of x makes no difference.
    """
    logs, logs0 = inputs.log_softmax(module.dim).chunk(2)
    ratio = (logs - logs0).abs()
    means = torch.maximum(*outputs.chunk(2)) * torch.where(ratio > 0, -torch.expm1(-ratio) / ratio, 1)
    means = torch.cat([means, means])
    weights = means / means.sum(module.dim, keepdim=True).clamp_min(torch.finfo(means.dtype).tiny)
    return means * (grad_output - (weights * grad_output).sum(module.dim, keepdim=True))


RULES: dict[type[nn.Module], Callable[..., Any]] = {Softmax: rescaled_softmax}
SUPPORTED_NON_LINEAR.update(RULES)  # types of ours only: what Captum does elsewhere stays as it is
