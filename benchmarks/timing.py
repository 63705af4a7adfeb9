"""Times of several contenders, taken in turn, so that a machine that drifts drifts for all of them."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version

import torch

Work = Callable[[], object]
MOST_WARM_UP = 12
SETTLED = 0.9  # a round that takes more than this share of the fastest so far ends the warm-up


@dataclass(frozen=True)
class Times:
    """Seconds of every contender in every round."""

    seconds: Mapping[str, list[float]]

    def median(self, name: str) -> float:
        return statistics.median(self.seconds[name])

    def ratio(self, name: str, to: str) -> float:
        """Median over the rounds of name's time / to's time in the same round."""
        return statistics.median(a / b for a, b in zip(self.seconds[name], self.seconds[to], strict=True))


def in_turn(contenders: Mapping[str, Work], rounds: int, warm_up: int = 2) -> Times:
    """Run every contender once per round, the order turning by one each round.

    Before that, at least `warm_up` rounds are run and thrown away, and more while they still become faster: a fresh
    process pays for its first memory for seconds.
    """
    names = list(contenders)
    before = float("inf")
    for turn in range(MOST_WARM_UP):
        now = sum(timed(contenders[name]) for name in names)
        if turn + 1 >= warm_up and now > SETTLED * before:
            break
        before = min(before, now)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            seconds[name].append(timed(contenders[name]))
    return Times(seconds)


def timed(work: Work) -> float:
    """Seconds of one call, the device's work included."""
    _wait()
    started = time.perf_counter()
    work()
    _wait()
    return time.perf_counter() - started


def best_chunk(work: Callable[[int], object], sizes: list[int], rounds: int = 3) -> int:
    """The chunk size at which `work(size)` is fastest."""
    times = in_turn({str(size): (lambda s=size: work(s)) for size in sizes}, rounds, warm_up=1)
    return min(sizes, key=lambda size: times.median(str(size)))


def machine() -> str:
    """Device, threads and versions, for the head of a table."""
    device = (
        torch.cuda.get_device_name()
        if torch.cuda.is_available()
        else f"{platform.machine()} CPU, {os.cpu_count()} cores"
    )
    packages = ", ".join(
        f"{name} {version(name)}" for name in ("torch", "torchvision", "captum", "grad-cam", "torchcam")
    )
    return f"{device}, {torch.get_num_threads()} threads; Python {platform.python_version()}; {packages}"


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
