"""What a run remembers of the passes it made, so that several methods share them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from explainers.core.target import Target
from explainers.engine.attention_capture import AttentionCapture, AttentionGradients
from explainers.engine.layer_capture import LayerCapture

T = TypeVar("T")


@dataclass(frozen=True)
class MemoryKey(Generic[T]):
    """What is remembered of some inputs; T is what it is."""


@dataclass(frozen=True)
class OutputsKey(MemoryKey[Tensor]):
    """Raw outputs of a layer; of the network itself where the layer is None."""

    layer: str | None


@dataclass(frozen=True)
class ScoresKey(MemoryKey[Tensor]):
    """Scores of a target, (N,)."""

    target: Target


@dataclass(frozen=True)
class GradientsKey(MemoryKey[Tensor]):
    """d score / d inputs, (N, ...)."""

    target: Target


@dataclass(frozen=True)
class ActivationsKey(MemoryKey[Tensor]):
    """Activations of a layer, (N, C, h, w)."""

    layer: str


@dataclass(frozen=True)
class CaptureKey(MemoryKey[LayerCapture]):
    """Activations of a layer and gradients by them, with the curvature or without."""

    layer: str
    target: Target
    curvature: bool


@dataclass(frozen=True)
class AttentionKey(MemoryKey[list[AttentionCapture]]):
    """Attention of every layer, with the gradients that were asked for."""

    target: Target
    gradients_of: AttentionGradients


@dataclass(frozen=True)
class DerivedKey(MemoryKey[Tensor]):
    """Other inputs made from these, by the name of the way."""

    name: str


class RunMemory:
    """Results of passes by what they are and which inputs they are of.

    Inputs are known by identity, because comparing or hashing their numbers would cost more than a small network's pass. They
    are kept beside each result: as long as it is remembered, no other tensor can come to have their id.
    """

    def __init__(self) -> None:
        self._results: dict[tuple[MemoryKey[Any], int], tuple[Tensor, Any]] = {}

    def has(self, key: MemoryKey[Any], inputs: Tensor) -> bool:
        """Whether this is known of the inputs."""
        return (key, id(inputs)) in self._results

    def get(self, key: MemoryKey[T], inputs: Tensor) -> T:
        """What is known of the inputs.

        Raises:
            KeyError: nothing is.
        """
        result: T = self._results[key, id(inputs)][1]
        return result

    def put(self, key: MemoryKey[T], inputs: Tensor, result: T) -> None:
        """Remember a result, in the place of an earlier one."""
        self._results[key, id(inputs)] = (inputs, result)

    def recall(self, key: MemoryKey[T], inputs: Tensor, make: Callable[[], T]) -> T:
        """What is known of the inputs, made now if nothing is."""
        if not self.has(key, inputs):
            self.put(key, inputs, make())
        return self.get(key, inputs)

    def join_outputs(self, inputs: Tensor, rows: Sequence[Tensor]) -> None:
        """What is known of the network's outputs for all `rows`, which together are `inputs`, is known of `inputs` as well."""
        key = OutputsKey(None)
        if all(self.has(key, row) for row in rows):
            self.put(key, inputs, torch.cat([self.get(key, row) for row in rows]))
