"""A contender in a process of its own, with the memory settings that its users have."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from types import TracebackType

import torch

from benchmarks.memory import in_use, peak
from benchmarks.timing import Work, timed

Prepare = Callable[[str, str, int, torch.device], Work]
"""(name of the work, network, number of images, device) -> the work."""
TIME, MEMORY = "time", "memory"
UNKNOWN = "unknown"


class Apart:
    """A work that `module` does in a process of its own; call it for the seconds of one more time.

    Args:
        module: one whose `main` is `serve`.
    """

    def __init__(self, module: str, name: str, network: str, count: int, device: torch.device) -> None:
        command = [sys.executable, "-W", "ignore", "-m", module, name, network, str(count), str(device)]
        # lime draws a progress bar on every call
        environment = {**os.environ, "TQDM_DISABLE": "1"}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def __call__(self) -> float:
        return float(self._ask(TIME))

    def memory(self) -> int | None:
        """Peak bytes of one more time, over what was in use before the first; None where nobody counts them."""
        answer = self._ask(MEMORY)
        return None if answer == UNKNOWN else int(answer)

    def _ask(self, question: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(question + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def __enter__(self) -> Apart:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)


def serve(prepare: Prepare) -> None:
    """Prepare the work that the command line names, then do it once for every question on standard input."""
    warnings.filterwarnings("ignore")
    name, network, count, device = sys.argv[1], sys.argv[2], int(sys.argv[3]), torch.device(sys.argv[4])
    work = prepare(name, network, count, device)
    before = in_use(device)
    for line in sys.stdin:
        if line.strip() == TIME:
            print(timed(work), flush=True)
        else:
            most = peak(work, device)
            print(UNKNOWN if before is None or most is None else most - before, flush=True)
