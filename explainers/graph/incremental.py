"""Outputs of variants of one input that differ from it in a box each: every step is computed only where what it reads differs.

Nothing is approximated: wherever the change has not reached, the plain input's values are those of the variant.
Source: Nakandala, Kumar & Papakonstantinou 2019, doi:10.1145/3299869.3319874 (incremental inference)."""

from __future__ import annotations

import math
from copy import copy
from typing import Any, TypeGuard

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn
from torch.fx.node import map_aggregate
from torchvision.ops import stochastic_depth

from explainers.graph.boxes import Boxes, ChangedMaps, SlidingWindow
from explainers.graph.conv_fusion import ADDITIONS, FUSED_ACTIVATIONS, FUSED_CALLS, FusedConvolution
from explainers.graph.rewrite import INPLACE_CALLS, module_of, writes_in_place

WORTH_BOXING = 0.7
"""From this share of a map on all of it is computed: putting boxes together would cost more than it saves."""


# What reads, for its output at a place, its input at that place alone: modules in evaluation mode, and calls.
_POINTWISE = (*FUSED_ACTIVATIONS, nn.GELU, nn.ELU, nn.LeakyReLU, nn.Mish, nn.Identity, nn.Dropout, nn.BatchNorm2d)

_POINTWISE_CALLS = {
    *FUSED_CALLS, *ADDITIONS, *INPLACE_CALLS.values(), torch.mul, torch.sub, F.gelu, F.elu, F.leaky_relu, F.dropout, stochastic_depth
}  # fmt: skip

_JOINING = (torch.cat, torch.concat)
_SLIDING = (nn.Conv2d, FusedConvolution, nn.MaxPool2d, nn.AvgPool2d)


def can_increment(network: nn.Module) -> TypeGuard[fx.GraphModule]:
    """Whether the network is a traced one of which no step writes into what another reads."""
    return isinstance(network, fx.GraphModule) and not any(_may_write(network, node) for node in network.graph.nodes)


class IncrementalNetwork(fx.Interpreter):
    """A network that `can_increment`, with its values for one input, the plain one.

    Args:
        input: the plain one, (1, C, H, W).
    """

    def __init__(self, network: fx.GraphModule, input: Tensor) -> None:
        super().__init__(network)
        self.extra_traceback = False
        self.network = network
        self._input = input.contiguous(memory_format=torch.channels_last)
        self._plain = _PlainMaps(network).values_of(self._input)

    def outputs(self, variants: Tensor, boxes: Boxes) -> Any:
        """What the network puts out for variants (m, C, H, W) that differ from the plain input in these boxes only."""
        (height, width), corners = boxes.size, boxes.corners.tolist()
        values = [
            variant[:, row : row + height, column : column + width]
            for variant, (row, column) in zip(variants, corners, strict=True)
        ]
        return self.run(ChangedMaps(self._input, torch.stack(values), boxes))

    def run_node(self, n: fx.Node) -> Any:
        """One step: in boxes where that is possible and worth it, else on the whole of the maps."""
        read = {node: self.env[node] for node in n.all_input_nodes}
        changed = [value for value in read.values() if isinstance(value, ChangedMaps)]
        if changed and len(changed) == len(read) and len({maps.map_size for maps in changed}) == 1:
            output = self._in_boxes(n, changed)
            if output is not None:
                return output
        self.env.update({node: value.whole() for node, value in read.items() if isinstance(value, ChangedMaps)})
        return super().run_node(n)

    def _in_boxes(self, node: fx.Node, read: list[ChangedMaps]) -> ChangedMaps | None:
        plain, step = self._plain.get(node), module_of(self.network, node)
        if plain is None:
            return None
        if (sliding := sliding_of(step)) is not None:
            return _slid(step, sliding, plain, read)
        if _pointwise(node, step):
            boxes = Boxes.around([maps.boxes for maps in read], read[0].map_size)
            args, kwargs = map_aggregate(
                self.fetch_args_kwargs_from_env(node),
                lambda argument: argument.inside(boxes) if isinstance(argument, ChangedMaps) else argument,
            )
            return ChangedMaps(plain, getattr(self, node.op)(node.target, args, kwargs), boxes)
        return None


class _PlainMaps(fx.Interpreter):
    """Keeps every map (1, C, H, W) that a network makes of one input."""

    def __init__(self, network: fx.GraphModule) -> None:
        super().__init__(network)
        self.network = network
        self.maps: dict[fx.Node, Tensor] = {}

    def values_of(self, input: Tensor) -> dict[fx.Node, Tensor]:
        self.run(input)
        return self.maps

    def run_node(self, n: fx.Node) -> Any:
        for node in n.all_input_nodes[1:]:
            if isinstance(module_of(self.network, n), FusedConvolution):  # it adds itself to that map, which is kept
                self.env[node] = self.env[node].clone()
        output = super().run_node(n)
        if isinstance(output, Tensor) and output.ndim == 4 and len(output) == 1:
            self.maps[n] = output
        return output


def _slid(step: Any, sliding: SlidingWindow, plain: Tensor, read: list[ChangedMaps]) -> ChangedMaps | None:
    """What a convolution or a pooling puts out; a fused convolution is added to the second of what is read."""
    size = (plain.shape[-2], plain.shape[-1])
    first, *others = read
    boxes = Boxes.around([sliding.reached_from(first.boxes, size), *(maps.boxes for maps in others)], size)
    if boxes.share(size) > WORTH_BOXING:
        return None
    without_padding = copy(step)
    without_padding.padding = (0, 0)
    edge = -math.inf if isinstance(step, nn.MaxPool2d) else 0.0
    values = without_padding(first.inside(sliding.read_by(boxes), edge), *(maps.inside(boxes) for maps in others))
    return ChangedMaps(plain, values, boxes)


def sliding_of(step: Any) -> SlidingWindow | None:
    """How a step moves over its map, if it does, and computes every output alike."""
    if type(step) not in _SLIDING or isinstance(step.padding, str):
        return None
    if getattr(step, "padding_mode", "zeros") != "zeros" or getattr(step, "return_indices", False):
        return None
    means = type(step) is nn.AvgPool2d
    if means and (step.ceil_mode or not step.count_include_pad):  # of fewer numbers at the edges
        return None
    sizes = (step.kernel_size, step.stride, step.padding, getattr(step, "dilation", 1))
    return SlidingWindow(*((size, size) if isinstance(size, int) else (size[0], size[1]) for size in sizes))


def _pointwise(node: fx.Node, step: nn.Module | None) -> bool:
    if node.target in _JOINING:
        dimension = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else 0)
        return dimension in (1, -3)
    if isinstance(step, nn.BatchNorm2d) and step.running_mean is None:  # it norms with what the whole batch shows
        return False
    return type(step) in _POINTWISE or (node.op != "call_module" and node.target in _POINTWISE_CALLS)


def _may_write(network: fx.GraphModule, node: fx.Node) -> bool:
    """Whether a step writes into what it reads, or looks so: by its name, as in `clamp_`, or because it is told where to."""
    name = str(getattr(node.target, "__name__", node.target))
    named = node.op != "call_module" and name.endswith("_") and not name.startswith("__")
    return writes_in_place(network, node) or named or "out" in node.kwargs
