"""The turnstile: a first-come, first-served lock that a waiting caller can leave."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE = 0.05  # seconds between two looks at whether a waiting caller still wants its turn


class Turnstile:
    """Lets one caller through at a time, in the order they came.

    A long job takes a new ticket for every chunk, so short jobs pass between its chunks. Who is through already, such as a
    function under explanation that itself asks a network, passes again.
    """

    def __init__(self) -> None:
        self._moved = threading.Condition()
        self._queue: deque[object] = deque()
        self._inside: int | None = None  # the thread that is through

    @contextmanager
    def turn(self, while_waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Wait for one's turn and hold it. `while_waiting` is called now and then, and may raise to leave."""
        me = threading.get_ident()
        if self._inside == me:
            yield
            return
        ticket = object()
        with self._moved:
            self._queue.append(ticket)
        try:
            while not self._is_first(ticket):
                while_waiting()
            self._inside = me
            yield
        finally:
            with self._moved:
                if self._inside == me:
                    self._inside = None
                self._queue.remove(ticket)
                self._moved.notify_all()

    def _is_first(self, ticket: object) -> bool:
        with self._moved:
            return self._moved.wait_for(lambda: self._queue[0] is ticket, PATIENCE)
