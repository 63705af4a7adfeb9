"""Speed as ratios: against other libraries on the same work, and against the floor; and peak memory against theirs.

The floor is the time of the passes alone: the same number of forward and backward passes through the network as
torchvision makes it, with frozen parameters, at the best batch size, with nothing computed from them. For CAMs the
backward pass of the floor stops at the layer, as ours does. A ratio below 1 comes from the memory layout (channels
last on a CPU).

Every other library runs in a process of its own, as its users have it. `--same-memory` runs them in Vitrine's process
instead, where they profit from the memory settings that importing `explainers` makes.

Peak memory is what one call needs over the moment before the first, each contender in a process of its own and warmed
up (see `benchmarks/memory.py`): it counts activations, what a method keeps, and what a library keeps from call to call.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial

import torch

import explainers as ex
from benchmarks.apart import Apart
from benchmarks.case import Case, Requirement
from benchmarks.cases import cases
from benchmarks.floors import frozen, raw_gradient
from benchmarks.peers import PEERS
from benchmarks.setting import images
from benchmarks.timing import Times, in_turn, machine, timed

SECONDS = 10  # of measuring per row, at least
CALLS = 5  # of Vitrine before its memory is measured: its chunk sizes are learnt from the first ones


def warm_up(device: torch.device, seconds: float = 30) -> None:
    """Keep the machine busy until it has come up to speed: the first passes of a process can take ten times as long."""
    network, inputs = frozen("resnet18", device), images(1, device)
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        raw_gradient(network, inputs)


def report(case: Case, device: torch.device, rounds: int, apart: bool) -> list[str]:
    """Rows of the table for one case."""
    with ExitStack() as open_processes:
        contenders: dict[str, Callable[[], float]] = {n: partial(timed, work) for n, work in case.here.items()}
        processes: dict[str, Apart] = {}
        for peer in case.peers:
            if apart:
                process = Apart("benchmarks.peers", peer, case.network, case.count, device)
                contenders[peer] = processes[peer] = open_processes.enter_context(process)
            else:
                contenders[peer] = partial(timed, PEERS[peer](case.network, case.count, device))
        times = in_turn(contenders, rounds, at_least=SECONDS)
        rows = rows_of_time(case, times)
        if processes:
            theirs = {name: process.memory() for name, process in processes.items()}
            rows += rows_of_memory(case.title, our_memory(case, device), theirs)
    return rows


def our_memory(case: Case, device: torch.device) -> int | None:
    """Peak bytes of Vitrine at a case's work, None where nobody counts them."""
    with Apart("benchmarks.ours", case.method, case.network, case.count, device) as process:
        for _ in range(CALLS):
            process()
        return process.memory()


def rows_of_time(case: Case, times: Times) -> list[str]:
    """Ratios of times, and whether what they require holds."""
    rows = []
    for requirement in case.requirements:
        ours_over_theirs = times.ratio(requirement.ours, requirement.against)
        title = case.title if requirement.ours == "vitrine" else f"{case.title}, {requirement.ours}"
        ratio = ours_over_theirs if requirement.at_most else 1 / ours_over_theirs
        words = (
            f"{ratio:.2f} x {requirement.against}"
            if requirement.at_most
            else f"{ratio:.2f} x faster than {requirement.against}"
        )
        rows.append(row(title, f"{times.median(requirement.ours) * 1000:.0f} ms", words, requirement, ratio))
    return rows


def rows_of_memory(title: str, ours: int | None, theirs: Mapping[str, int | None]) -> list[str]:
    """Ratios of peak bytes, and whether ours is no higher; none where nobody counted."""
    rows = []
    for name, peak in theirs.items():
        if ours is None or not peak:
            continue
        requirement = Requirement(name, 1.0, True)
        words = f"{ours / peak:.2f} x {name}'s {peak / 1e6:.0f} MB"
        rows.append(row(f"{title}, peak memory", f"{ours / 1e6:.0f} MB", words, requirement, ours / peak))
    return rows


def row(title: str, ours: str, words: str, requirement: Requirement, ratio: float) -> str:
    return (
        f"| {title} | {ours} | {words} | {requirement.describe()} | {'ok' if requirement.holds(ratio) else 'MISSED'} |"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks speed", description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help='part of a case\'s name, such as "grad-cam resnet18 1"')
    parser.add_argument("--rounds", type=int, default=5, help="at least so many")
    parser.add_argument(
        "--same-memory", action="store_true", help="run the other libraries in this process; no memory is measured then"
    )
    parsed = parser.parse_args(arguments)
    warnings.filterwarnings("ignore")
    device = ex.engine_for().device
    print(f"{machine()}; on {device.type}; medians of at least {parsed.rounds} interleaved rounds; the other libraries")
    print("in this process\n" if parsed.same_memory else "each in a process of its own\n")
    warm_up(device)
    print("| work | vitrine | ratio | bar | |\n|---|---|---|---|---|")
    for build in cases(parsed.only, device):
        for line in report(build(), device, parsed.rounds, not parsed.same_memory):
            print(line, flush=True)


if __name__ == "__main__":
    main()
