"""What all sessions of one server share: loaded models, uploaded files, computed results. All bounded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

import streamlit as st
from cachetools import LRUCache

import explainers as ex
from pages.common.app.upload_store import UploadStore

T = TypeVar("T")
MEGABYTE = 2**20


class BoundedCache(Generic[T]):
    """Values by key, the least recently used dropped when they exceed a number of bytes."""

    def __init__(self, limit: int, size: Callable[[T], int]) -> None:
        self._lock = threading.Lock()
        self._values: LRUCache[Hashable, T] = LRUCache(limit, size)

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of `key`, made now if it is not there. A value larger than the shelf is handed out, not kept."""
        with self._lock:
            if key in self._values:
                return self._values[key]
        value = make()
        with self._lock:
            if self._values.getsizeof(value) <= self._values.maxsize:
                self._values[key] = value
        return value

    def drop(self, key: Hashable) -> None:
        """Forget the value of `key`, if there is one."""
        with self._lock:
            self._values.pop(key, None)

    def find(self, key: Hashable) -> T | None:
        """The value of `key` if it is there."""
        with self._lock:
            return self._values.get(key)


@st.cache_resource(show_spinner=False)
def model_cache() -> BoundedCache[ex.Model]:
    """Loaded models, by name and the key of an uploaded checkpoint."""
    return BoundedCache(2_000 * MEGABYTE, lambda model: model.size)


@st.cache_resource(show_spinner=False)
def result_cache() -> BoundedCache[Any]:
    """What was computed for a page: maps, tables, pictures, verdicts, prices."""
    return BoundedCache(500 * MEGABYTE, size_of)


@st.cache_resource(show_spinner=False)
def upload_store() -> UploadStore:
    """The files that visitors uploaded."""
    return UploadStore(2_000 * MEGABYTE)


def size_of(result: Any) -> int:
    """Bytes of an Attribution, a table or a picture, roughly."""
    if isinstance(result, ex.Attribution):
        tensors = (result.values, result.inputs, result.error)
        return sum(tensor.nbytes for tensor in tensors if tensor is not None) + 1000
    if isinstance(result, list):
        return sum(map(size_of, result))
    if hasattr(result, "nbytes"):
        return int(result.nbytes)
    if hasattr(result, "memory_usage"):
        return int(result.memory_usage(deep=True).sum())
    return len(result) if isinstance(result, bytes) else 10_000
