"""What all sessions of one server share: loaded models, uploaded files, computed results. All bounded."""

from __future__ import annotations

import gc
import hashlib
import tempfile
import threading
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, Generic, TypeVar

import streamlit as st
from cachetools import LRUCache

import explainers as ex

T = TypeVar("T")


MEGABYTE = 2**20


class BoundedCache(Generic[T]):
    """Values by key, the least recently used dropped when they exceed a number of bytes."""

    def __init__(self, limit: int, size: Callable[[T], int]) -> None:
        self._lock = threading.Lock()
        self._kept: LRUCache[Hashable, T] = LRUCache(limit, size)

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of `key`, made now if it is not there. A value larger than the shelf is handed out, not kept."""
        with self._lock:
            if key in self._kept:
                return self._kept[key]
        value = make()
        with self._lock:
            if self._kept.getsizeof(value) <= self._kept.maxsize:
                self._kept[key] = value
        return value

    def drop(self, key: Hashable) -> None:
        """Forget the value of `key`, if there is one."""
        with self._lock:
            self._kept.pop(key, None)

    def find(self, key: Hashable) -> T | None:
        """The value of `key` if it is there."""
        with self._lock:
            return self._kept.get(key)


class UploadStore:
    """Uploaded files under the hash of their content, so that a link can name them while the server runs."""

    def __init__(self, limit: int) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="vitrine-"))
        self._files = _FileCache(limit, lambda path: path.stat().st_size)
        self._lock = threading.Lock()

    def put(self, name: str, content: bytes) -> str:
        """Keep a file; returns its key, which starts with "upload:"."""
        key = "upload:" + hashlib.sha256(content).hexdigest()[:12] + Path(name).suffix.lower()
        path = self._folder / key.removeprefix("upload:")
        with self._lock:
            if key not in self._files:
                path.write_bytes(content)
                self._files[key] = path
        return key

    def path(self, key: str) -> Path | None:
        """Where the file is, or None if it is no longer kept."""
        with self._lock:
            return self._files.get(key)


class _FileCache(LRUCache):  # type: ignore[type-arg]
    """Deletes the file of an entry that is dropped."""

    def popitem(self) -> tuple[Any, Any]:
        key, path = super().popitem()
        path.unlink(missing_ok=True)
        return key, path


@st.cache_resource(show_spinner=False)
def model_cache() -> BoundedCache[ex.Model]:
    return BoundedCache(2_000 * MEGABYTE, lambda model: model.size)


@st.cache_resource(show_spinner=False)
def result_cache() -> BoundedCache[Any]:
    return BoundedCache(500 * MEGABYTE, size_of)


@st.cache_resource(show_spinner=False)
def upload_store() -> UploadStore:
    return UploadStore(2_000 * MEGABYTE)


def size_of(result: Any) -> int:
    """Bytes of an Attribution, a table or a picture, roughly."""
    if isinstance(result, ex.Attribution):
        kept = (result.values, result.inputs, result.error)
        return sum(tensor.nbytes for tensor in kept if tensor is not None) + 1000
    if isinstance(result, list):
        return sum(map(size_of, result))
    if hasattr(result, "nbytes"):
        return int(result.nbytes)
    if hasattr(result, "memory_usage"):
        return int(result.memory_usage(deep=True).sum())
    return len(result) if isinstance(result, bytes) else 10_000


@st.cache_resource(show_spinner=False)
def warm_up() -> None:
    """Import and load once per server. Freezing what is then alive keeps it out of the collection that
    Streamlit runs after every rerun, which would cost a fifth of a second each time with torch loaded."""
    ex.load_model("demo:signs-cnn")
    gc.collect()
    gc.freeze()
