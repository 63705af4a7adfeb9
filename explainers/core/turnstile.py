"""The turnstile: a first-come, first-served lock that a waiting caller can leave."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE = 0.05  # seconds between two looks at whether a waiting caller still wants its turn


class Turnstile:
    """Lets one caller through at a time, in the order they came.

    A long job takes a new ticket for every chunk, so short jobs pass between its chunks.
    """

    def __init__(self) -> None:
        self._moved = threading.Condition()
        self._queue: deque[object] = deque()

    @contextmanager
    def turn(self, while_waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Wait for one's turn and hold it. `while_waiting` is called now and then, and may raise to leave."""
        ticket = object()
        with self._moved:
            self._queue.append(ticket)
        try:
            while not self._is_first(ticket):
                while_waiting()
            yield
        finally:
            with self._moved:
                self._queue.remove(ticket)
                self._moved.notify_all()

    def _is_first(self, ticket: object) -> bool:
        with self._moved:
            return self._moved.wait_for(lambda: self._queue[0] is ticket, PATIENCE)
