"""Uploaded files: found by their content, bounded, and gone with the server."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pages.common.app.upload_store import PREFIX, UploadStore

ROOT = Path(__file__).parents[4]


# As Streamlit's server does, whose handler of both signals lets the main thread return.
SERVER = """
import signal, sys, threading
from pathlib import Path
from pages.common.app.upload_store import UploadStore
stop = threading.Event()
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_: stop.set())
store = UploadStore(1000, Path(sys.argv[1]))
store.put("photo.png", b"x" * 400)
print(store.folder, flush=True)
stop.wait()
"""


def server(parent: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process that has a store with one file, and its folder."""
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(parent)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    folder = Path(process.stdout.readline().strip())
    assert folder.parent == parent
    return process, folder


def end(process: subprocess.Popen[str], number: signal.Signals) -> None:
    process.send_signal(number)
    process.communicate(timeout=60)


def test_uploads_are_found_by_content_and_bounded(tmp_path: Path) -> None:
    store = UploadStore(1000, tmp_path)
    key = store.put("photo.PNG", b"x" * 400)
    assert store.put("other name.png", b"x" * 400) == key
    path = store.path(key)
    assert path is not None
    assert path.read_bytes() == b"x" * 400
    store.put("second.png", b"y" * 400)
    store.put("third.png", b"z" * 400)
    assert store.path(key) is None
    assert not path.exists()
    assert store.path("upload:nothing.png") is None


def test_the_folder_goes_with_the_store(tmp_path: Path) -> None:
    store = UploadStore(1000, tmp_path)
    store.put("photo.png", b"x" * 400)
    assert list(tmp_path.iterdir()) == [store.folder]
    del store
    gc.collect()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_folder_goes_with_a_server_that_is_stopped(number: signal.Signals, tmp_path: Path) -> None:
    process, folder = server(tmp_path)
    assert len(list(folder.glob("*.png"))) == 1
    end(process, number)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="no lock tells there whether a server runs")
def test_what_a_killed_server_left_goes_at_the_next_start_and_that_of_a_running_one_stays(tmp_path: Path) -> None:
    other = tmp_path / "vitrine"
    other.mkdir()
    not_ours = tmp_path / f"{PREFIX}without-a-lock"
    not_ours.mkdir()
    running, in_use = server(tmp_path)
    try:
        killed, left = server(tmp_path)
        end(killed, signal.SIGKILL)
        assert left.is_dir()
        store = UploadStore(1000, tmp_path)
        assert set(tmp_path.iterdir()) == {other, not_ours, in_use, store.folder}
        assert len(list(in_use.glob("*.png"))) == 1
    finally:
        end(running, signal.SIGTERM)
