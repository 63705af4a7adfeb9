"""Downloads against a real server: whole files, and every way of not getting one."""

from __future__ import annotations

import hashlib
import itertools
import socket
import threading
from pathlib import Path

import pytest

from explainers.core.errors import Cancelled
from explainers.models import DownloadError, download, fetch

CONTENT = bytes(range(256)) * 4000  # four chunks
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def left_behind(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_file_comes_whole_and_is_not_fetched_twice(site, tmp_path):
    url = site.serve("/a/weights-x.pth?token=1", CONTENT)
    calls = []
    path = fetch(url, tmp_path / "deep/folder", DIGEST[:8], lambda done, total: calls.append((done, total)))
    assert path == tmp_path / "deep/folder/weights-x.pth"
    assert path.read_bytes() == CONTENT
    assert calls[0] == (0, len(CONTENT))
    assert calls[-1] == (len(CONTENT), len(CONTENT))
    assert len(calls) > 3
    assert all(before[0] < after[0] for before, after in itertools.pairwise(calls))
    assert fetch(url, tmp_path / "deep/folder") == path
    assert len(site.requests) == 1
    assert left_behind(path.parent) == ["weights-x.pth"]


def test_an_answer_without_a_length_reports_no_total(site, tmp_path):
    url = site.serve("/f", CONTENT, length=None)
    calls = []
    assert fetch(url, tmp_path, None, lambda *call: calls.append(call)).read_bytes() == CONTENT
    assert {total for _, total in calls} == {None}


def test_a_cut_connection_leaves_nothing(site, tmp_path):
    url = site.serve("/f", CONTENT, length=2 * len(CONTENT))
    with pytest.raises(DownloadError, match=r"cut after 1,024,000 of 2,048,000 bytes") as caught:
        fetch(url, tmp_path)
    assert str(caught.value).startswith(f"Downloading {url} failed: ")
    assert left_behind(tmp_path) == []


def test_a_cut_chunked_answer_leaves_nothing(site, tmp_path):
    def answer(handler):
        handler.protocol_version = "HTTP/1.1"
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"ffff\r\nonly this")
        handler.close_connection = True

    site.answers["/f"] = answer
    with pytest.raises(DownloadError, match="cut after"):
        fetch(f"{site.address}/f", tmp_path)
    assert left_behind(tmp_path) == []


def test_a_wrong_checksum_deletes_the_file(site, tmp_path):
    url = site.serve("/f-00000000.pth", CONTENT)
    with pytest.raises(DownloadError, match=f"begins with {DIGEST[:8]} instead of 00000000"):
        fetch(url, tmp_path, "00000000")
    assert left_behind(tmp_path) == []


def test_an_error_of_the_server_is_named(site, tmp_path):
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1 answered 404 Not Found\.$"):
        fetch(f"{site.address}/nowhere", tmp_path)
    assert left_behind(tmp_path) == []


def test_a_refused_connection_is_named(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1 refused the connection\.$"):
        fetch(f"http://127.0.0.1:{port}/f", tmp_path)


def test_no_network_is_named(tmp_path, monkeypatch):
    def getaddrinfo(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(DownloadError, match=r"address of weights\.invalid could not be found"):
        fetch("http://weights.invalid/f", tmp_path)


def test_a_server_without_tls_is_named(site, tmp_path):
    with pytest.raises(DownloadError, match="could not be reached safely"):
        fetch(site.address.replace("http", "https") + "/f", tmp_path)


@pytest.mark.parametrize("sent", [False, True])
def test_a_silent_server_is_given_up(site, tmp_path, monkeypatch, sent):
    monkeypatch.setattr(download, "TIMEOUT", 0.2)
    done = threading.Event()

    def answer(handler):
        if sent:
            handler.send_response(200)
            handler.send_header("Content-Length", "100")
            handler.end_headers()
            handler.wfile.flush()
        done.wait(5)

    site.answers["/f"] = answer
    with pytest.raises(DownloadError, match=r"nothing came for 0\.2 s" if sent else r"did not answer for 0\.2 s"):
        fetch(f"{site.address}/f", tmp_path)
    done.set()
    assert left_behind(tmp_path) == []


def test_progress_may_cancel(site, tmp_path):
    def progress(done: int, total: int | None) -> None:
        if done:
            raise Cancelled

    with pytest.raises(Cancelled):
        fetch(site.serve("/f", CONTENT), tmp_path, progress=progress)
    assert left_behind(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_named(site, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(DownloadError, match="cannot be written"):
        fetch(site.serve("/f", CONTENT), tmp_path / "taken")


def test_two_at_once_do_not_disturb_each_other(site, tmp_path):
    url = site.serve("/f", CONTENT)
    threads = [threading.Thread(target=fetch, args=(url, tmp_path, DIGEST)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert left_behind(tmp_path) == ["f"]
    assert (tmp_path / "f").read_bytes() == CONTENT
