"""How many rows go through a network at once: learnt from the passes themselves."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field

FIRST = {"cpu": 4, "mps": 16, "cuda": 32}
LARGEST = {"cpu": 32, "mps": 128, "cuda": 512}
SMALL = 4096  # numbers; of inputs that have fewer, more rows at once may still be worth their while
WORTH_GROWING = 0.97  # a doubled chunk must take at most this share of the time per row to be kept
LOOKS = 3  # passes of a size before it is judged: the first also pays for preparing the kernels, and one may be held up


@dataclass
class _Learnt:
    """What is known of one kind of pass: the best time per row at every size, how often that size ran, the largest that fits."""

    size: int
    limit: int
    seconds: dict[int, float] = field(default_factory=dict)
    looks: Counter[int] = field(default_factory=Counter)
    shrinking: bool = False
    settled: bool = False

    def worth(self, size: int) -> bool:
        """Whether chunks of this size save enough time over those half as large, as far as is known."""
        smaller = self.seconds.get(size // 2)
        return smaller is None or self.seconds[size] <= smaller * WORTH_GROWING

    def judge(self, first: int) -> None:
        """Choose the size to go on with, now that the present one has been looked at."""
        size = self.size
        if self.shrinking:
            self.settled = self.worth(2 * size) or size == 1
            self.size = 2 * size if self.worth(2 * size) else max(1, size // 2)
        elif not self.worth(size):
            self.size = size // 2
            self.settled = self.size > first or self.size == 1
            if not self.settled:  # it has never grown, so it may have begun too large
                self.size //= 2
                self.shrinking = True
        elif 2 * size > self.limit:
            self.settled = True
        else:
            self.size = 2 * size


class ChunkSizes:
    """Chunk sizes per kind of pass: the smallest whose double saves no more time per row to speak of.

    Found by doubling, and where the first double does not pay, by halving: a smaller chunk needs less memory. No separate
    calibration is run: the first chunks of real work are the measurement.
    """

    def __init__(self, device_type: str) -> None:
        self._first = FIRST.get(device_type, 4)
        self._largest = LARGEST.get(device_type, 32)
        self._known: dict[Hashable, _Learnt] = {}
        self._lock = threading.Lock()

    def size(self, key: Hashable, remaining: int, numel: int = SMALL) -> int:
        """How many of the `remaining` rows to take next, each of `numel` numbers."""
        with self._lock:
            size = self._entry(key, numel).size
        if remaining <= size:
            return remaining
        # Rather two even chunks than a full one and a sliver.
        return -(-remaining // 2) if remaining < 2 * size else size

    def start_like(self, key: Hashable, other: Hashable) -> None:
        """Take the first chunks of a new kind of pass as large as those of another one are by now."""
        with self._lock:
            if key not in self._known and other in self._known:
                like = self._known[other]
                self._known[key] = _Learnt(like.size, like.limit)

    def took(self, key: Hashable, rows: int, seconds: float) -> bool:
        """Report that a chunk of `rows` took `seconds`.

        Returns:
            Whether smaller ones are used from now on.
        """
        with self._lock:
            known = self._entry(key)
            per_row = seconds / rows
            known.seconds[rows] = min(per_row, known.seconds.get(rows, per_row))
            known.looks[rows] += 1
            if known.settled or rows != known.size or known.looks[rows] < LOOKS:
                return False
            known.judge(self._first)
            return known.size < rows

    def pace(self, key: Hashable) -> float | None:
        """Seconds that a row took at best, or None before anybody knows."""
        with self._lock:
            return min(self._known[key].seconds.values(), default=None) if key in self._known else None

    def measured(self, key: Hashable) -> bool:
        """Whether chunks of the sizes that long work is made in were timed: single rows say little of its pace."""
        with self._lock:
            return key in self._known and any(rows >= self._first for rows in self._known[key].seconds)

    def too_large(self, key: Hashable, rows: int) -> None:
        """Report that a chunk of `rows` did not fit in memory; later ones are at most half of it."""
        with self._lock:
            known = self._entry(key)
            known.limit = known.size = max(1, rows // 2)
            known.settled = True

    def _entry(self, key: Hashable, numel: int = SMALL) -> _Learnt:
        if key not in self._known:
            self._known[key] = _Learnt(self._first, self._largest * max(1, SMALL // numel))
        return self._known[key]
