"""Copies of a network in the form that the rules of layer-wise relevance propagation (LRP) are written for.

A rule belongs to a module with one input. So here every sum of two branches and every average is a module, batch norms are
merged into the layers before them, and no module runs twice. Zennit does this architecture by architecture
("canonizers"); with the traced graph at hand one route serves all, and what no rule covers can be named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any, NoReturn

import torch
from torch import Tensor, fx, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.passes.fake_tensor_prop import FakeTensorProp
from torch.nn.modules.batchnorm import _BatchNorm
from zennit.layer import Sum
from zennit.types import Activation, AvgPool, Convolution, Linear, MaxPool

from explainers.core.capabilities import is_attention
from explainers.core.errors import VitrineError
from explainers.graph.rewrite import merge_batch_norms, module_of, with_activation_modules

# Functions and methods by name. With constants beside a single tensor these are linear, or linear and a constant, ...
_LINEAR_FUNCTIONS = {"mean", "sum", "avg_pool2d", "adaptive_avg_pool2d", "mul", "truediv", "div", "add", "sub", "neg"}

_LINEAR_IN_NUMERATOR = {"truediv", "div"}  # of these, with the constant below

# ... and these move values, choose among them or leave them: their plain gradient hands relevance on whole.
_ROUTING_FUNCTIONS = {
    *("cat", "concat", "stack", "chunk", "split", "getitem", "flatten", "reshape", "view", "squeeze", "unsqueeze"),
    *("permute", "transpose", "contiguous", "clone", "expand", "pad", "channel_shuffle"),
    *("max_pool2d", "adaptive_max_pool2d", "dropout", "stochastic_depth", "broadcast_and_stack"),
}

_ATTENTION_FUNCTIONS = {"softmax", "scaled_dot_product_attention", "shifted_window_attention"}

_ROUTING_MODULES = (MaxPool, nn.Dropout, nn.Dropout2d, nn.Flatten, nn.Unflatten, nn.Identity, nn.ZeroPad2d, Sum)

# The rules were derived for activations that are zero or pass their input on.
_RECTIFIERS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU)


class FunctionModule(nn.Module):
    """A function of a single tensor and constants, such as a mean over places, as a module.

    Args:
        function: or the name of a method of tensors.
        tensor_index: which of the function's positional arguments the tensor is.
        constants: its other positional arguments.
        keywords: its keyword arguments.
    """

    def __init__(
        self,
        function: Callable[..., Tensor] | str,
        tensor_index: int,
        constants: Sequence[Any],
        keywords: dict[str, Any],
    ) -> None:
        super().__init__()
        self.function, self.tensor_index = function, tensor_index
        self.constants, self.keywords = tuple(constants), keywords

    def forward(self, inputs: Tensor) -> Tensor:
        function = getattr(Tensor, self.function) if isinstance(self.function, str) else self.function
        before, after = self.constants[: self.tensor_index], self.constants[self.tensor_index :]
        result: Tensor = function(*before, inputs, *after, **self.keywords)
        return result


def broadcast_and_stack(left: Tensor, right: Tensor) -> Tensor:
    """Two tensors beside each other in a new last dimension, (..., 2), for a module that sums over it."""
    return torch.stack(torch.broadcast_tensors(left, right), -1)  # type: ignore[no-untyped-call]


def canonize(network: nn.Module, input_shape: tuple[int, ...], end: str | None = None) -> fx.GraphModule:
    """A copy of `network` that computes the same, with a module of its own for every step that has a rule.

    Args:
        input_shape: of one input, without the batch dimension.
        end: name of the layer whose output the copy puts out; None for the network's own.

    Raises:
        VitrineError: the network has attention, or its forward cannot be traced by torch.fx.
    """
    if any(isinstance(module, nn.MultiheadAttention) for module in network.modules()):
        _refuse_attention(network)
    traced = with_activation_modules(network, end)
    if any(_is_attention_step(network, traced, node) for node in traced.graph.nodes):
        _refuse_attention(network)
    like = next(traced.parameters(), torch.zeros(()))
    # Shapes only: nothing is computed.
    FakeTensorProp(traced, FakeTensorMode(allow_non_fake_inputs=True)).propagate(
        torch.zeros((2, *input_shape), dtype=like.dtype, device=like.device)
    )
    traced.graph.eliminate_dead_code()
    _duplicate_reused_modules(traced)
    merge_batch_norms(traced)
    _replace_functions_by_modules(traced)
    traced.delete_all_unused_submodules()
    traced.graph.lint()
    traced.recompile()
    return traced.eval().requires_grad_(False)


def input_dependent_nodes(traced: fx.GraphModule) -> list[fx.Node]:
    """The nodes of a canonical copy that hold a tensor, or several, made from the input; in order, the input first."""
    dependent: dict[fx.Node, None] = {}
    for node in traced.graph.nodes:
        from_input = node.op == "placeholder" or any(source in dependent for source in node.all_input_nodes)
        if from_input and node.op != "output" and _holds_tensor(node):
            dependent[node] = None
    return list(dependent)


def bottleneck_nodes(traced: fx.GraphModule) -> list[fx.Node]:
    """The nodes that every way from input to output leads through, in order, the input first.

    All relevance passes each of them; where branches run side by side there is none.
    """
    position = {node: index for index, node in enumerate(traced.graph.nodes)}
    bottlenecks, last_use = [], -1
    for node in input_dependent_nodes(traced):
        if last_use <= position[node] and _is_tensor(node):  # nothing before it is used after it
            bottlenecks.append(node)
        last_use = max(last_use, *(position[user] for user in node.users))
    return bottlenecks


@torch.no_grad()
def input_of_first_convolution(traced: fx.GraphModule, inputs: Tensor) -> Tensor:
    """What the first convolution reads of inputs (N, ...): these themselves if nothing comes before it, or there is none."""
    name = next((name for name, module in traced.named_modules() if isinstance(module, Convolution)), None)
    (convolution,) = (node for node in traced.graph.nodes if node.target == name) if name else (None,)
    if convolution is None or convolution.all_input_nodes[0].op == "placeholder":
        return inputs
    interpreter = fx.Interpreter(traced)
    interpreter.args_iter = iter([inputs])
    for node in traced.graph.nodes:
        if node is convolution:
            break
        interpreter.env[node] = interpreter.run_node(node)
    read: Tensor = interpreter.env[convolution.all_input_nodes[0]]
    return read


def node_kind(traced: fx.GraphModule, node: fx.Node) -> str:
    """What a node does, in one word: "Conv2d", "Sum", "mean"."""
    module = module_of(traced, node)
    if isinstance(module, FunctionModule):
        return _function_name(module.function)
    return type(module).__name__ if module is not None else _function_name(node.target)


def node_name(node: fx.Node) -> str:
    """The name of the module that a node calls, or of the module it stands in, with what it does there."""
    if node.op == "call_module":
        return str(node.target)
    return f"{_enclosing_module(node)}.{_function_name(node.target)}".lstrip(".")


def passes_relevance_on(traced: fx.GraphModule, node: fx.Node) -> bool:
    """Whether all relevance of a node's output is its input's too: it moves values, or is an activation."""
    module = module_of(traced, node)
    if module is None:
        return node.op != "placeholder" and _function_name(node.target) in _ROUTING_FUNCTIONS
    return isinstance(module, Activation) or (isinstance(module, _ROUTING_MODULES) and not isinstance(module, Sum))


def coverage_notes(traced: fx.GraphModule) -> list[str]:
    """Sentences on what the rules do not cover in this network; none for a plain network of ReLUs."""
    uncovered: Counter[str] = Counter()
    smooth: Counter[str] = Counter()
    norms: list[str] = []
    for node in input_dependent_nodes(traced)[1:]:
        module, kind = module_of(traced, node), node_kind(traced, node)
        if isinstance(module, Activation) and not isinstance(module, _RECTIFIERS):
            smooth[kind] += 1
        elif isinstance(module, _BatchNorm):
            norms.append(str(node.target))
        elif not passes_relevance_on(traced, node) and not isinstance(
            module, Linear | AvgPool | Sum | FunctionModule | Activation
        ):
            uncovered[kind] += 1
    notes = []
    if uncovered:
        notes.append(
            f"No rule covers {_count_kinds(uncovered)} of this network. There relevance follows the plain gradient, and may be doubled or lost."
        )
    if norms:
        notes.append(
            f"{len(norms)} batch norm{'s stand' if len(norms) > 1 else ' stands'} after no layer to be merged into ({norms[0]}"
            f"{', ...' if len(norms) > 1 else ''}). Relevance passes them unchanged, as if they moved nothing."
        )
    if smooth:
        notes.append(
            f"Relevance passes {_count_kinds(smooth)} unchanged, as it passes a ReLU; the rules were derived for ReLU."
        )
    return notes


def _refuse_attention(network: nn.Module) -> NoReturn:
    raise VitrineError(
        f"{type(network).__name__} has attention, and these rules of relevance propagation do not lead through it; "
        "use attn-lrp or cp-lrp, whose rules do."
    )


def _is_attention_step(network: nn.Module, traced: fx.GraphModule, node: fx.Node) -> bool:
    """Whether a step is a softmax or a product of attention, inside a module that looks like attention."""
    if node_kind(traced, node).lower() not in _ATTENTION_FUNCTIONS:
        return False
    names = [name.partition("@")[0] for name in node.meta.get("nn_module_stack", {})]  # "attn@1" runs again
    return any(is_attention(module) for module in (network, *map(network.get_submodule, names)))


def _count_kinds(kinds: Counter[str]) -> str:
    return ", ".join(f"{count} × {kind}" for kind, count in kinds.most_common())


def _holds_tensor(node: fx.Node) -> bool:
    """Whether a node puts out a tensor, or several; known once shapes were propagated."""
    value = node.meta.get("val")
    return any(isinstance(part, Tensor) for part in (value if isinstance(value, tuple | list) else (value,)))


def _is_tensor(node: object) -> bool:
    return isinstance(node, fx.Node) and isinstance(node.meta.get("val"), Tensor)


def _function_name(function: object) -> str:
    name = function if isinstance(function, str) else getattr(function, "__name__", type(function).__name__)
    return name.strip("_")


def _duplicate_reused_modules(traced: fx.GraphModule) -> None:
    """A rule keeps what its module saw last, so a module with weights that runs twice becomes two."""
    seen: set[str] = set()
    for node in traced.graph.nodes:
        if node.op == "call_module":
            if node.target in seen:
                name = _unused_name(traced, f"{node.target}_again")
                traced.add_submodule(name, deepcopy(traced.get_submodule(node.target)))
                node.target = name
            seen.add(node.target)


def _replace_functions_by_modules(traced: fx.GraphModule) -> None:
    """Sums of two tensors become a `Sum`, linear functions of a single tensor a `FunctionModule`."""
    for node in input_dependent_nodes(traced):
        name = _function_name(node.target)
        if node.op not in ("call_function", "call_method") or name not in _LINEAR_FUNCTIONS or not _is_tensor(node):
            continue
        sources: list[fx.Node] = []  # as often as they come
        fx.map_arg((node.args, node.kwargs), sources.append)
        if not all(map(_is_tensor, sources)):
            continue
        if name == "add" and len(sources) == 2 and sources == [*node.args, *node.kwargs.values()]:
            with traced.graph.inserting_before(node):
                stacked = traced.graph.call_function(broadcast_and_stack, tuple(sources))
                stacked.meta["val"] = sources[0].meta["val"]
            _replace_node(traced, node, Sum(), stacked)
        elif len(sources) == 1 and sources[0] in node.args:
            index = node.args.index(sources[0])
            if index == 0 or name not in _LINEAR_IN_NUMERATOR:
                constants = (*node.args[:index], *node.args[index + 1 :])
                module = FunctionModule(node.target, index, constants, dict(node.kwargs))
                _replace_node(traced, node, module, sources[0])


def _replace_node(traced: fx.GraphModule, node: fx.Node, module: nn.Module, source: fx.Node) -> None:
    """Have `module` of `source` in the place of `node`, named after the module of the network that it stands in."""
    kind = "sum" if isinstance(module, Sum) else _function_name(node.target)
    name = _unused_name(traced, f"{_enclosing_module(node)}.{kind}".lstrip("."))
    traced.add_submodule(name, module)
    with traced.graph.inserting_before(node):
        call = traced.graph.call_module(name, (source,))
    call.meta = node.meta
    node.replace_all_uses_with(call)
    traced.graph.erase_node(node)


def _enclosing_module(node: fx.Node) -> str:
    """Name of the module in whose forward a node stands; "" for the network's own."""
    return next(reversed(node.meta.get("nn_module_stack", {"": None})), "")


def _unused_name(traced: fx.GraphModule, wanted: str) -> str:
    """`wanted`, or with a number behind it where a module of that name exists."""
    taken = {name for name, _ in traced.named_modules()}
    return next(name for name in (wanted, *(f"{wanted}_{suffix}" for suffix in range(2, 10_000))) if name not in taken)
