"""Checks and tests in one go: each step runs, whatever failed before it; the summary comes last.

`python -m tests.support.steps checks tests` is what `make test` calls.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ENVIRONMENT = Path(sys.executable).parent

GROUPS: dict[str, dict[str, list[str]]] = {
    "checks": {
        "lint": [str(ENVIRONMENT / "ruff"), "check", "."],
        "format": [str(ENVIRONMENT / "ruff"), "format", "--check", "."],
        "types": [str(ENVIRONMENT / "mypy"), "explainers"],
        "import contract": [str(ENVIRONMENT / "lint-imports")],
    },
    "tests": {
        "a Chromium": [sys.executable, "-m", "tests.support.browser.chromium"],
        "tests": [sys.executable, "-m", "pytest", "-n", "auto", "--dist", "worksteal"],
    },
}


@dataclass(frozen=True)
class Outcome:
    """How a step ended: its exit status, 0 if all is well, and how long it took."""

    name: str
    status: int
    seconds: float

    def __str__(self) -> str:
        word = "passed" if self.status == 0 else f"FAILED ({self.status})"
        return f"{self.name:<16} {word:<12} {self.seconds:6.0f} s"


def run_steps(steps: Mapping[str, Sequence[str]]) -> list[Outcome]:
    """Run every command, one after the other. One that cannot be started has status 127, as in a shell."""
    outcomes = []
    for name, command in steps.items():
        print(f"\n== {name}: {' '.join([Path(command[0]).name, *command[1:]])}", flush=True)
        start = time.monotonic()
        try:
            status = subprocess.run(command, check=False).returncode
        except OSError as error:
            print(error, flush=True)
            status = 127
        outcomes.append(Outcome(name, status, time.monotonic() - start))
    return outcomes


def main(groups: Sequence[str]) -> int:
    outcomes = run_steps({name: command for group in groups for name, command in GROUPS[group].items()})
    print("\n== summary", *outcomes, sep="\n", flush=True)
    return int(any(outcome.status for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
