"""What is made from a network once and kept while its weights stand: copies that compute in another way, a table of its layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.rng import seeded_generator
from explainers.engine.engine import Engine
from explainers.engine.network_state import NetworkParts
from explainers.graph.conv_fusion import merged_for_scores
from explainers.graph.hooks import tensor_of
from explainers.graph.layers import Layer, find_layers
from explainers.graph.rewrite import copy_network

T = TypeVar("T")

TOLERANCE = 1e-4
"""Outputs of two ways to compute them may differ by this share of the largest."""


class NetworkCache:
    """What is made of the network with these `parts`.

    Args:
        check: called while it waits for that turn; may raise to stop the work.
    """

    def __init__(self, engine: Engine, parts: NetworkParts, model: Model, check: Callable[[], None]) -> None:
        self._engine = engine
        self._parts = parts
        self._model = model
        self._check = check

    def get(self, name: str, build: Callable[[nn.Module], T], *, contents: bool = False) -> T:
        """What `build` makes of the network, such as a copy rewritten by it; see `Engine.derive`."""
        return self._engine.derive(self._parts, name, build, contents=contents, while_waiting=self._check)

    def scoring_copy(self) -> nn.Module:
        """The network, or a copy of it that has the same scores sooner; not for gradients."""
        return self.get("merged for scores", self._merged, contents=True) or self._parts.network

    def half_precision_copy(self) -> nn.Module | None:
        """A copy of `scoring_copy` in half the bits; None for a function, whose bits are its own affair, and where none can be made."""
        network = self.scoring_copy()
        if not self._parts.tensors:
            return None
        # Tensor cores take convolutions channels last; what lies otherwise is turned over before each of them.
        layout = torch.channels_last if self._engine.device.type == "cuda" else torch.preserve_format

        def halve(_: nn.Module) -> nn.Module | None:
            try:
                half = copy_network(network).eval()
            except VitrineError:
                return None
            return half.requires_grad_(False).to(self._engine.half, memory_format=layout)  # type: ignore[call-overload, no-any-return]

        return self.get("half the bits", halve, contents=True)

    def find_layers(self) -> tuple[Layer, ...]:
        """Every layer of the network, by a small forward and backward pass.

        Raises:
            VitrineError: not even two inputs fit in memory.
        """

        def find(network: nn.Module) -> tuple[Layer, ...]:
            layers = self._engine.attempt(self._parts, lambda: find_layers(network, self._example(network)))
            if layers is None:
                raise VitrineError(
                    f"Two inputs of {self._model.name} do not fit in the memory of {self._engine.device}."
                )
            return layers

        return self.get(f"layers at {self._model.input_shape}", find)

    def _merged(self, network: nn.Module) -> nn.Module | None:
        """A copy of the network with fewer steps, if there is one and it answers two random inputs as the network does."""
        merged = merged_for_scores(network)
        if merged is network:
            return None
        example = self._example(network)

        def same() -> bool:
            with torch.no_grad():
                expected = tensor_of(network(example.clone()))
                try:
                    answer = tensor_of(merged(example.clone()))
                except RuntimeError:  # an operator that does not take what comes here
                    return False
            if expected is None or answer is None:
                return False
            return bool((answer - expected).abs().max() <= TOLERANCE * expected.abs().max())

        return merged if self._engine.attempt(self._parts, same) else None

    def _example(self, network: nn.Module) -> Tensor:
        """Two random inputs, the same each time."""
        like = next(network.parameters(), torch.zeros((), device=self._engine.device))
        return torch.randn((2, *self._model.input_shape), generator=seeded_generator("cpu", 0)).to(like)
