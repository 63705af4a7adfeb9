"""A copy of a network for scores: its convolutions do the steps after them as well, so that what they put out passes through
memory once.

They call oneDNN's own operators: those that torch.compile emits on a CPU, which need no compiler when called by hand.
Source: https://github.com/pytorch/pytorch/blob/main/torch/_inductor/fx_passes/mkldnn_fusion.py"""

from __future__ import annotations

import operator
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from explainers.graph.rewrite import (
    ACTIVATION_CALLS,
    INPLACE_CALLS,
    copy_network,
    merge_batch_norms,
    module_of,
    without_inplace_writes,
)


@dataclass(frozen=True)
class FusedActivation:
    """An activation in oneDNN's words."""

    name: str = "none"
    scalars: list[float] = field(default_factory=list)


FUSED_ACTIVATIONS: dict[type[nn.Module], FusedActivation] = {
    nn.ReLU: FusedActivation("relu"),
    nn.ReLU6: FusedActivation("hardtanh", [0.0, 6.0]),
    nn.Sigmoid: FusedActivation("sigmoid"),
    nn.Tanh: FusedActivation("tanh"),
    nn.Hardswish: FusedActivation("hardswish"),
    nn.Hardsigmoid: FusedActivation("hardsigmoid"),
    nn.SiLU: FusedActivation("swish"),
}

FUSED_CALLS: dict[object, type[nn.Module]] = {
    **ACTIVATION_CALLS,
    **{writing: ACTIVATION_CALLS[plain] for writing, plain in INPLACE_CALLS.items() if plain in ACTIVATION_CALLS},
    "sigmoid_": nn.Sigmoid,
    "tanh_": nn.Tanh,
    F.relu6: nn.ReLU6,
    F.hardswish: nn.Hardswish,
    F.silu: nn.SiLU,
}

ADDITIONS = (operator.add, operator.iadd, torch.add, "add", "add_")


class FusedConvolution(nn.Module):
    """A convolution with an activation after it; called with a second tensor, it adds itself to that one first, in place.

    For scores only: there is no gradient.
    """

    def __init__(self, convolution: nn.Conv2d, step: FusedActivation) -> None:
        super().__init__()
        self.weight, self.bias = convolution.weight, convolution.bias
        self.kernel_size, self.stride, self.dilation = convolution.kernel_size, convolution.stride, convolution.dilation
        self.padding, self.groups = convolution.padding, convolution.groups
        self.step = step

    def forward(self, inputs: Tensor, other: Tensor | None = None) -> Tensor:
        call, step = torch.ops.mkldnn, self.step
        places = (self.padding, self.stride, self.dilation, self.groups)
        if other is None:
            activated: Tensor = call._convolution_pointwise(
                inputs, self.weight, self.bias, *places, step.name, step.scalars, ""
            )
            return activated
        after = None if step.name == "none" else step.name
        added: Tensor = call._convolution_pointwise_.binary(
            other, inputs, self.weight, self.bias, *places, "add", 1.0, after, step.scalars, ""
        )
        return added


_CONVOLUTIONS = (nn.Conv2d, FusedConvolution)

_NEW_STORAGE = (*_CONVOLUTIONS, nn.MaxPool2d, nn.AvgPool2d)
"""Modules whose output is a tensor of its own, which nobody reads but through it."""


def can_fuse(network: nn.Module) -> bool:
    """Whether this machine has the operators, and they take the network's numbers."""
    return hasattr(torch.ops.mkldnn, "_convolution_pointwise") and all(
        parameter.device.type == "cpu" and parameter.dtype in (torch.float32, torch.bfloat16)
        for parameter in network.parameters()
    )


def merged_for_scores(network: nn.Module) -> nn.Module:
    """A copy of `network` with every BatchNorm, and on a CPU additions and activations, worked into the convolution before
    it: the same outputs, up to a third sooner.

    For scores only: at the kinks of ReLUs the rounding moves float32 gradients by up to a seventh of their maximum.
    What was not merged shares its weights with the network, which is handed back itself where it has no convolution over
    images, or cannot be copied, traced or merged.
    """
    if not any(isinstance(module, nn.Conv2d) for module in network.modules()):
        return network
    try:
        traced = fx.symbolic_trace(copy_network(network, network.parameters()).eval())
        without_inplace_writes(traced)
        merge_batch_norms(traced)
        if can_fuse(network):
            fuse_convolutions(traced)
        traced.delete_all_unused_submodules()
        traced.recompile()
        return traced.eval()
    # Tracing runs the user's forward on stand-ins, and copies whatever is in it: anything may come out.
    except Exception:
        return network


def fuse_convolutions(traced: fx.GraphModule) -> None:
    """Work additions and activations into the convolutions before them, where nobody else reads what these put out."""
    for node_index, node in enumerate(list(traced.graph.nodes)):
        convolution = module_of(traced, node)
        if type(convolution) is not nn.Conv2d or not _plain(convolution):
            continue
        chain, other = [node], _added_to(traced, node)
        if other is not None:
            chain += chain[-1].users
        step = _step_after(traced, chain[-1])
        if step is not None:
            chain += chain[-1].users
        if len(chain) == 1:
            continue
        name = f"fused_convolution_{node_index}"
        traced.add_submodule(name, FusedConvolution(convolution, step or FusedActivation()))
        with traced.graph.inserting_before(chain[-1]):
            fused = traced.graph.call_module(name, (*node.all_input_nodes, *([] if other is None else [other])))
        chain[-1].replace_all_uses_with(fused)
        for merged_node in reversed(chain):
            traced.graph.erase_node(merged_node)


def _plain(convolution: nn.Conv2d) -> bool:
    return convolution.padding_mode == "zeros" and not isinstance(convolution.padding, str)


def _step_after(traced: fx.GraphModule, node: fx.Node) -> FusedActivation | None:
    """The activation that alone reads what a node puts out."""
    if len(node.users) != 1:
        return None
    (user,) = node.users
    if user.op == "call_module":
        return FUSED_ACTIVATIONS.get(type(module_of(traced, user)))  # type: ignore[arg-type]
    return (
        FUSED_ACTIVATIONS.get(FUSED_CALLS[user.target]) if user.target in FUSED_CALLS and len(user.args) == 1 else None
    )


def _added_to(traced: fx.GraphModule, node: fx.Node) -> fx.Node | None:
    """What a convolution's output is added to next, if it may be added in place, and the convolution may wait for it."""
    if len(node.users) != 1:
        return None
    (addition,) = node.users
    if addition.target not in ADDITIONS or len(addition.args) != 2 or addition.kwargs:
        return None
    others = [argument for argument in addition.args if isinstance(argument, fx.Node) and argument is not node]
    if len(others) != 1 or not isinstance(module_of(traced, others[0]), _NEW_STORAGE):
        return None
    readers = [reader for reader in others[0].users if reader is not addition]
    read_before = all(isinstance(module_of(traced, reader), _CONVOLUTIONS) and reader < addition for reader in readers)
    waits = len(node.all_input_nodes[0].users) == 1  # else somebody may write into it meanwhile
    return others[0] if read_before and waits else None
