"""Captum's methods that change the backward pass at activations, driven through a run on a copy made for them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from explainers.core.cost import Cost
from explainers.core.errors import VitrineError
from explainers.core.target import Target, layer_of
from explainers.engine.run import Run
from explainers.graph.hooks import channels_second, tensor_of
from explainers.graph.rewrite import OBSERVED
from explainers.saliency._deeplift_rules import deeplift_rules_in_captum, with_deeplift_rules

CaptumCall = Callable[[nn.Module, Tensor, Sequence[int]], Tensor]
"""(network that puts out the target's score, some of the rows, their indices) -> attributions of these rows."""


def attribute_with_captum(
    run: Run,
    inputs: Tensor,
    target: Target,
    attribute: CaptumCall,
    cost_per_row: Cost,
    repeats: int = 1,
    observed_layer: str | None = None,
) -> Tensor:
    """What Captum attributes to inputs (N, ...), chunk by chunk, (N * repeats, ...).

    Args:
        attribute: the call of a method of Captum's.
        cost_per_row: what one row costs.
        repeats: how often each input comes, one after the other; a row is one of these.
        observed_layer: a layer that `attribute` looks at, see `observed_module`.

    Raises:
        VitrineError: the network cannot be copied with a module per activation.
    """
    target = run.resolve(inputs, target)
    scores = run.scores(inputs, target)
    last_layer = layer_of(target)
    build = functools.partial(with_deeplift_rules, last_layer=last_layer, observed_layer=observed_layer)
    key = f"DeepLift rules up to {last_layer}, observed at {observed_layer}"
    network = run.cache.get(key, build, contents=True)

    def attribute_rows(rows: Tensor, row_indices: Sequence[int]) -> Tensor:
        input_indices = [row_index // repeats for row_index in row_indices]
        scored = _ScoreNetwork(network, target, input_indices).eval()
        with torch.enable_grad(), deeplift_rules_in_captum():
            attributions = attribute(scored, rows.detach().clone().requires_grad_(), row_indices).detach()
        if not torch.allclose(
            scored.last_scores, scores[input_indices], rtol=1e-2, atol=1e-2 * float(scores.abs().max())
        ):
            raise VitrineError(
                f"The copy of {run.model.name} in which every activation is a module of its own puts out other scores "
                "than the network itself; use a method that needs plain gradients, such as integrated-gradients."
            )
        return attributions

    rows = inputs if repeats == 1 else inputs.repeat_interleave(repeats, 0)
    return run.attribute(rows, attribute_rows, cost_per_row, "captum")


def observed_module(network: nn.Module) -> nn.Module:
    """The module through which the output of the observed layer passes."""
    return network.get_submodule(f"network.{OBSERVED}")


class _ScoreNetwork(nn.Module):
    """A network that puts out the target's score, so that Captum needs to know nothing of targets."""

    def __init__(self, network: nn.Module, target: Target, input_indices: Sequence[int]) -> None:
        super().__init__()
        self.network = network
        self._target, self._input_indices = target, input_indices

    def forward(self, inputs: Tensor) -> Tensor:
        outputs = tensor_of(self.network(inputs))
        assert outputs is not None  # the network itself was scored before
        if layer_of(self._target) is not None:
            outputs = channels_second(outputs, inputs)
        # DeepLift sends inputs and baselines through together, in this order.
        input_indices = list(self._input_indices) * (len(outputs) // len(self._input_indices))
        scores = self._target.take(input_indices)(outputs)
        self.last_scores = scores.detach()[: len(self._input_indices)]
        return scores
