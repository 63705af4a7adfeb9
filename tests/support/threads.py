"""Waiting for what other threads do: for events, never for a time. The guards only end a test that would hang."""

from __future__ import annotations

import time
from collections.abc import Callable

GUARD = 120  # seconds until a test that waits for something that never comes is given up


def wait_until(condition: Callable[[], object]) -> None:
    """Return as soon as the condition holds."""
    end = time.monotonic() + GUARD
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("waited in vain")
        time.sleep(0.001)
