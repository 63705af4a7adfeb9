"""The app as a process of its own: one server for a test, or one that all workers of a run share."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[3]
PATIENCE = 300  # seconds until a server that does not answer is given up


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve(
    log: Path, environment: dict[str, str] | None = None, port: int | None = None, script: str = "app.py"
) -> tuple[subprocess.Popen[bytes], str]:
    """Start the app or another script, on a free port unless one is named; returns its process and address once it answers."""
    port = port or free_port()
    command = [sys.executable, "-m", "streamlit", "run", script, f"--server.port={port}", "--server.headless=true"]
    process = subprocess.Popen(
        [*command, "--server.address=127.0.0.1"],
        cwd=ROOT,
        env=os.environ | (environment or {}),
        stdout=log.open("wb"),
        stderr=subprocess.STDOUT,
    )
    address = f"http://127.0.0.1:{port}"
    given_up = time.monotonic() + PATIENCE
    while time.monotonic() < given_up:
        if process.poll() is not None:
            raise RuntimeError(f"streamlit ended at once: {log.read_text()}")
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=10) as answer:
                if answer.read() == b"ok":
                    return process, address
        except OSError:
            time.sleep(0.25)
    process.terminate()
    raise TimeoutError(f"streamlit did not answer within {PATIENCE} s")


@contextmanager
def shared_server(folder: Path, environment: dict[str, str]) -> Iterator[str]:
    """Address of the one server of all processes that name this folder: the first to come starts it, the last to go ends it.

    Every user holds a shared lock on one file, which the kernel takes from those that crash.
    """
    folder.mkdir(exist_ok=True)
    note = folder / "server.json"
    with (folder / "users").open("w") as users:
        with _alone(folder):
            fcntl.flock(users, fcntl.LOCK_SH)
            if not note.exists():
                process, address = serve(folder / "log", environment)
                note.write_text(json.dumps({"address": address, "pid": process.pid}))
            server = json.loads(note.read_text())
        try:
            yield server["address"]
        finally:
            with _alone(folder):
                try:
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    pass  # others still use it
                else:
                    note.unlink()
                    os.kill(server["pid"], signal.SIGTERM)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time starts or ends the server."""
    with (folder / "starting").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
