"""FullGrad: the score of a ReLU network is its input times a gradient, plus every bias times its own.

Srinivas & Fleuret 2019 (arXiv:1905.00780)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from explainers.core.capabilities import Needs
from explainers.core.cost import Cost
from explainers.core.errors import VitrineError
from explainers.core.options import NoOptions
from explainers.core.target import Target, layer_of
from explainers.engine.run import Run
from explainers.graph.hooks import forward_hooks, tensor_of, with_tensor
from explainers.graph.layout import find_layout
from explainers.saliency._family import saliency_method


@saliency_method(
    "fullgrad",
    options=NoOptions,
    title="FullGrad",
    highlights="what the score of {target} is sensitive to, either way",
    unit="relative strength",
    needs=Needs.LAYERS | Needs.GRADIENTS | Needs.IMAGES,
    cost=lambda shape, options: Cost(shape[0] * 2, shape[0]),
    citation="Srinivas & Fleuret 2019, arXiv:1905.00780",
    shows="Input × gradient, and bias × gradient of every layer enlarged over it, all in absolute values: where the parts that "
    "make up the score are large.",
    caveat="The parts add up to the score exactly in ReLU networks only; the map does not, because as published each part is "
    "made absolute and scaled to reach from 0 to 1. It shows no evidence against.",
    signed=False,
)
def fullgrad(run: Run, inputs: Tensor, target: Target, options: NoOptions) -> Tensor:
    """Sum over input and layers of their parts, absolute, scaled to [0, 1], enlarged and summed over channels: (N, H, W)."""

    def sum_of_maps(input_part: Tensor, bias_parts: Sequence[Tensor]) -> Tensor:
        size = (inputs.shape[-2], inputs.shape[-1])
        total = _scaled(input_part).sum(1)
        for part in bias_parts:
            layout = find_layout(part.shape, len(part), size)
            if layout is not None:  # the biases of a classifier have no place
                # Enlarging is linear: the sum of the channels instead of each of them.
                coarse = _scaled(layout.spatial(part)).sum(1, keepdim=True)
                total = total + F.interpolate(coarse, size, mode="bilinear", align_corners=False)[:, 0]
        return total

    return _fold_parts(run, inputs, target, sum_of_maps)


def full_gradients(run: Run, inputs: Tensor, target: Target) -> Tensor:
    """What the score is made of: the input's part, then every layer's bias part in the order in which they run, (N, 1 + layers).

    For a network of linear layers, batch norms, ReLUs and pooling each row sums to the score.
    """
    return _fold_parts(
        run,
        inputs,
        target,
        lambda input_part, bias_parts: torch.stack([part.flatten(1).sum(1) for part in (input_part, *bias_parts)], 1),
    )


def _fold_parts(run: Run, inputs: Tensor, target: Target, fold: Callable[[Tensor, Sequence[Tensor]], Tensor]) -> Tensor:
    """fold(input * gradient (m, C, H, W), [bias * gradient of every layer's output]) of every chunk, joined."""
    target = run.resolve(inputs, target)
    biased = {name: module for name, module in run.network.named_modules() if bias_of(module) is not None}

    def attribute(rows: Tensor, input_indices: Sequence[int]) -> Tensor:
        rows = rows.detach().clone().requires_grad_()
        with torch.enable_grad(), _recorded_outputs(run.network, list(biased)) as recorded:
            outputs = run.call(run.network, rows, layer_of(target))
            score = target.take(list(input_indices))(outputs).sum()
        if not score.requires_grad:
            raise VitrineError(
                f"The score of {run.model.name} does not depend on its input in a way that has a gradient."
            )
        gradients = torch.autograd.grad(score, [rows, *(output for _, output in recorded)], allow_unused=True)
        parts = [
            gradient * _broadcast_bias(bias_of(biased[name]), biased[name], gradient)
            for (name, _), gradient in zip(recorded, gradients[1:], strict=True)
            if gradient is not None
        ]
        assert gradients[0] is not None
        return fold(gradients[0] * rows.detach(), parts)

    return run.attribute(inputs, attribute, Cost(1, 1), "fullgrad")


def bias_of(module: nn.Module) -> Tensor | None:
    """What a layer adds to a multiple of its input, per channel (C,); None if it adds nothing.

    In evaluation a batch norm multiplies and adds, so it has a bias also where it has no weight called so.
    """
    bias = getattr(module, "bias", None)
    bias = bias.detach() if isinstance(bias, Tensor) and not list(module.children()) else None
    if isinstance(module, _BatchNorm) and module.running_mean is not None and module.running_var is not None:
        scale = (module.running_var + module.eps).rsqrt()
        scale = scale if module.weight is None else scale * module.weight.detach()
        return (0 if bias is None else bias) - module.running_mean * scale
    return bias


def _broadcast_bias(bias: Tensor | None, module: nn.Module, output: Tensor) -> Tensor:
    """A bias shaped to be added to its layer's output."""
    assert bias is not None
    channels_second = isinstance(module, _BatchNorm | nn.modules.conv._ConvNd | nn.GroupNorm)
    return bias.view(-1, *[1] * (output.ndim - 2)) if channels_second else bias


@contextmanager
def _recorded_outputs(network: nn.Module, names: Sequence[str]) -> Iterator[list[tuple[str, Tensor]]]:
    """The outputs of these layers, call by call, as a graph sees them."""
    recorded: list[tuple[str, Tensor]] = []

    def record(name: str, output: Any) -> Any:
        tensor = tensor_of(output)
        if tensor is None or not tensor.requires_grad:
            return None
        recorded.append((name, tensor))
        return with_tensor(output, tensor.clone())  # the next module may write into what it gets

    with forward_hooks(network, names, record):
        yield recorded


def _scaled(part: Tensor) -> Tensor:
    """Absolute values, shifted and scaled to reach from 0 to 1 in every row."""
    flat = part.abs().flatten(1)
    flat = flat - flat.amin(1, keepdim=True)
    return (flat / flat.amax(1, keepdim=True).clamp_min(1e-12)).view_as(part)
