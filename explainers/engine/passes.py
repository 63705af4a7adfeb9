"""The passes of one run, made chunk by chunk and in turn: counted, reported, and stopped when asked."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from explainers.core.cost import Cost
from explainers.core.errors import Cancelled, VitrineError
from explainers.core.model import Model
from explainers.engine.engine import Engine
from explainers.engine.network_state import NetworkParts

T = TypeVar("T")
Progress = Callable[[float, str], None]


class Passes:
    """Makes the passes of one run of `model`, whose network on the engine's device has these `parts`.

    Args:
        progress, cancel: see `Run`.
    """

    def __init__(
        self,
        engine: Engine,
        parts: NetworkParts,
        model: Model,
        *,
        progress: Progress | None = None,
        cancel: threading.Event | None = None,
    ) -> None:
        self._engine = engine
        self._parts = parts
        self._sizes = engine.chunks(parts.network)
        self._model = model
        self._progress = progress
        self._expected = Cost(1, 1)
        self._cancel = cancel or threading.Event()
        self._forward = self._backward = self._half = 0
        self._seconds = 0.0

    @property
    def cost(self) -> Cost:
        """What was spent so far."""
        return Cost(self._forward, self._backward, self._seconds, self._half)

    def pace(self, kind: str) -> float | None:
        """Seconds that a row of this kind of pass took at best, or None before anybody knows."""
        return self._sizes.pace(self._key(kind))

    def start_like(self, kind: str, other: str) -> None:
        """Take the first chunks of a new kind of pass as large as those of another one are by now."""
        self._sizes.start_like(self._key(kind), self._key(other))

    def measured(self, kind: str) -> bool:
        """Whether passes of this kind were timed in chunks as long work has them."""
        return self._sizes.measured(self._key(kind))

    def expect(self, cost: Cost) -> None:
        """Announce the passes that will be made, for the share done."""
        self._expected = cost

    def check(self) -> None:
        """Report progress.

        Raises:
            Cancelled: somebody asked the work to stop.
        """
        if self._progress is not None:
            all_passes = max(1, self._expected.forward + self._expected.backward)
            done = min(1.0, (self._forward + self._backward) / all_passes)
            self._progress(done, f"{self._forward} of {max(self._expected.forward, self._forward)} forward passes")
        if self._cancel.is_set():
            raise Cancelled("The work was cancelled.")

    def chunks(
        self,
        kind: str,
        total: int,
        work: Callable[[slice], T],
        *,
        forward: int = 0,
        backward: int = 0,
        half: int = 0,
    ) -> Iterator[T]:
        """Do `work` on `total` rows, a chunk and a turn at a time, and hand over each chunk's result as it comes.

        A chunk that does not fit in memory is halved and tried again.

        Args:
            kind: a name under which the chunk size is learnt.
            forward, backward: what one row costs.
            half: how many of its forward passes are in half the bits.
        """
        sizes = self._sizes
        key = self._key(kind)
        done = 0
        while done < total:
            self.check()
            size = sizes.size(key, total - done, math.prod(self._model.input_shape))
            with self._engine.turnstile.turn(self.check):
                started = time.perf_counter()
                result = self._engine.attempt(self._parts, lambda: work(slice(done, done + size)))  # noqa: B023
                seconds = time.perf_counter() - started
            self._seconds += seconds
            if result is None:
                if size == 1:
                    raise VitrineError(
                        f"One input of {self._model.name} does not fit in the memory of {self._engine.device}; "
                        "choose a smaller model or input, or set VITRINE_DEVICE=cpu."
                    )
                sizes.too_large(key, size)
                continue
            if sizes.took(key, size, seconds):
                self._engine.tidy()
            done += size
            self._forward += size * forward
            self._backward += size * backward
            self._half += size * half
            yield result
        self.check()

    def _key(self, kind: str) -> Hashable:
        return (kind, self._model.input_shape)


def join_chunks(parts: Sequence[Tensor]) -> Tensor:
    """Chunks put together again; a single one is not copied."""
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))
