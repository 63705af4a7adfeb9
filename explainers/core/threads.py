"""Small works of NumPy and Pillow side by side: they let go of the interpreter while they sort, fill and pack."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
MOST = 8  # threads


def side_by_side(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """`work` of every item, in their order, on as many threads as there are cores. No PyTorch in it: that has its own."""
    count = min(MOST, os.cpu_count() or 1, len(items))
    if count <= 1:
        return [work(item) for item in items]
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, items))
