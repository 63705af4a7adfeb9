"""The one owner of uploaded files: a folder that goes with the server, however the server ends."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import threading
import weakref
from pathlib import Path
from typing import IO, Any

from cachetools import LRUCache

try:
    import fcntl
except ImportError:  # Windows: there a crashed server's folder stays until somebody empties the temporary folder
    fcntl = None  # type: ignore[assignment]

KEY = "upload:"
PREFIX = "vitrine-uploads-"
LOCK = ".lock"


class UploadStore:
    """Uploaded files under the hash of their content, so that a link can name them while the server runs.

    The folder is deleted when the store is, at the latest when the interpreter ends, which it does in order where a server is
    stopped by SIGTERM or SIGINT. What a server left that was killed is deleted by the next one: a lock in the folder, which the
    operating system gives up with the process, tells whether its server still runs.
    """

    def __init__(self, limit: int, parent: Path | None = None) -> None:
        """
        Args:
            limit: bytes; the files least recently used are deleted beyond it.
            parent: where the folder is made; the temporary folder of the system by default.
        """
        parent = parent or Path(tempfile.gettempdir())
        remove_leftovers(parent)
        self.folder, lock = _locked_folder(parent)
        self._files = _Files(limit, lambda path: path.stat().st_size)
        self._lock = threading.Lock()
        weakref.finalize(self, _remove, self.folder, lock)

    def put(self, name: str, content: bytes) -> str:
        """Keep a file; returns its key, which starts with "upload:"."""
        key = KEY + hashlib.sha256(content).hexdigest()[:12] + Path(name).suffix.lower()
        path = self.folder / key.removeprefix(KEY)
        with self._lock:
            if key not in self._files:
                path.write_bytes(content)
                self._files[key] = path
        return key

    def path(self, key: str) -> Path | None:
        """Where the file is, or None if it is no longer kept."""
        with self._lock:
            return self._files.get(key)


class _Files(LRUCache):  # type: ignore[type-arg]
    """Deletes the file of an entry that is dropped."""

    def popitem(self) -> tuple[Any, Any]:
        key, path = super().popitem()
        path.unlink(missing_ok=True)
        return key, path


def remove_leftovers(parent: Path) -> None:
    """Delete the folders of servers that have ended without doing so; those of running ones and of other users stay."""
    if fcntl is None:
        return
    for folder in parent.glob(f"{PREFIX}*"):
        # An OSError: it has no lock, or one that is held, or another server is just deleting it.
        with contextlib.suppress(OSError), (folder / LOCK).open("rb") as lock:
            if folder.stat().st_uid == os.getuid():
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)


def _locked_folder(parent: Path) -> tuple[Path, IO[bytes]]:
    """A folder of this process's own, and the open file whose lock says so."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        lock = (folder / LOCK).open("wb")
        if fcntl is None:
            return folder, lock
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / LOCK).exists():  # else another server came between and took it for a leftover
            return folder, lock
        lock.close()


def _remove(folder: Path, lock: IO[bytes]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    lock.close()
