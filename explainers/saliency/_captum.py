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
from explainers.saliency._deeplift_rules import with_deeplift_rules

Work = Callable[[nn.Module, Tensor, Sequence[int]], Tensor]


def attribute_with_captum(
    run: Run, inputs: Tensor, target: Target, work: Work, passes: Cost, copies: int = 1, at: str | None = None
) -> Tensor:
    """What `work` attributes to inputs (N, ...), or to `copies` of each of them, one after the other: (N * copies, ...).

    Args:
        work: (network that puts out the target's score, some of the rows, their numbers) -> attributions of these rows.
        passes: what one row costs.
        at: a layer that `work` looks at, see `observed_module`.

    Raises:
        VitrineError: the network cannot be copied with a module per activation.
    """
    target = run.resolve(inputs, target)
    scores = run.scores(inputs, target)
    end = layer_of(target)
    build = functools.partial(with_deeplift_rules, end=end, at=at)
    network = run.cache.get(f"ruled steps to {end}, looked at {at}", build, contents=True)

    def attribute(rows: Tensor, numbers: Sequence[int]) -> Tensor:
        places = [number // copies for number in numbers]
        scored = _ScoreNetwork(network, target, places).eval()
        with torch.enable_grad():
            result = work(scored, rows.detach().clone().requires_grad_(), numbers).detach()
        if not torch.allclose(scored.seen, scores[places], rtol=1e-2, atol=1e-2 * float(scores.abs().max())):
            raise VitrineError(
                f"The copy of {run.model.name} in which every activation is a module of its own puts out other scores "
                "than the network itself; use a method that needs plain gradients, such as integrated-gradients."
            )
        return result

    rows = inputs if copies == 1 else inputs.repeat_interleave(copies, 0)
    return run.attribute(rows, attribute, passes, "captum")


def observed_module(network: nn.Module) -> nn.Module:
    """The module through which the output of the layer passes that was asked for."""
    return network.get_submodule(f"network.{OBSERVED}")


class _ScoreNetwork(nn.Module):
    """A network that puts out the target's score, so that Captum needs to know nothing of targets."""

    def __init__(self, network: nn.Module, target: Target, rows: Sequence[int]) -> None:
        super().__init__()
        self.network = network
        self._target, self._rows = target, rows

    def forward(self, inputs: Tensor) -> Tensor:
        outputs = tensor_of(self.network(inputs))
        assert outputs is not None  # the network itself was scored before
        if layer_of(self._target) is not None:
            outputs = channels_second(outputs, inputs)
        # DeepLift sends inputs and baselines through together, in this order.
        rows = list(self._rows) * (len(outputs) // len(self._rows))
        scores = self._target.take(rows)(outputs)
        self.seen = scores.detach()[: len(self._rows)]
        return scores
