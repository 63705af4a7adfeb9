"""Times of several contenders, taken in turn, so that a machine that drifts drifts for all of them."""

from __future__ import annotations

import itertools
import os
import platform
import random
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version

import torch

Work = Callable[[], object]
MOST_WARM_UP = 12
MOMENT = 0.2  # seconds; after a change of process the first calls find the caches cold
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


def in_turn(contenders: Mapping[str, Callable[[], float]], rounds: int, warm_up: int = 2, at_least: float = 0) -> Times:
    """Run every contender, which tells its seconds, once per round, in an order drawn anew each round: it matters who
    comes after whom.

    There are `rounds` rounds, and more until `at_least` seconds are over: short works are noisier than long ones.

    Before that, at least `warm_up` rounds are run and thrown away, and more while they still become faster: a fresh
    process pays for its first memory for seconds.
    """
    names, order = list(contenders), random.Random(0)
    before = float("inf")
    for turn in range(MOST_WARM_UP):
        now = sum(contenders[name]() for name in names)
        if turn + 1 >= warm_up and now > SETTLED * before:
            break
        before = min(before, now)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    started = time.perf_counter()
    for turn in itertools.count():
        if turn >= rounds and time.perf_counter() - started > at_least:
            break
        for name in order.sample(names, len(names)):
            seconds[name].append(contenders[name]())
    return Times(seconds)


def timed(work: Work) -> float:
    """Seconds of one call, the device's work included; the mean of several where one is over in a moment."""
    calls = 0
    _wait()
    started = time.perf_counter()
    while calls == 0 or time.perf_counter() - started < MOMENT:
        work()
        _wait()
        calls += 1
    return (time.perf_counter() - started) / calls


def best_chunk(work: Callable[[int], object], sizes: list[int], rounds: int = 3) -> int:
    """The chunk size at which `work(size)` is fastest."""
    times = in_turn({str(size): partial(timed, partial(work, size)) for size in sizes}, rounds, warm_up=1)
    return min(sizes, key=lambda size: times.median(str(size)))


def machine() -> str:
    """Device, threads and versions, for the head of a table."""
    device = (
        torch.cuda.get_device_name()
        if torch.cuda.is_available()
        else f"{platform.machine()} CPU, {os.cpu_count()} cores"
    )
    packages = ", ".join(
        f"{name} {version(name)}"
        for name in ("torch", "torchvision", "captum", "grad-cam", "torchcam", "zennit", "lime", "shap", "quantus")
    )
    return f"{device}, {torch.get_num_threads()} threads; Python {platform.python_version()}; {packages}"


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
