"""One file from the network, whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import socket
import ssl
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import torch

from explainers.core.errors import VitrineError

DownloadProgress = Callable[[int, int | None], None]
"""Called with the bytes that have come and the bytes expected, if known; may raise to stop the download."""

TIMEOUT: Final = 30.0
"""Seconds without a single byte after which the connection is given up."""

CHUNK: Final = 256 * 1024
"""Bytes between two calls of the progress callback."""


class DownloadError(VitrineError):
    """A file did not come.

    Attributes:
        reason: why, as a part of a sentence.
    """

    def __init__(self, url: str, reason: str, sentence: str = "") -> None:
        super().__init__(sentence or f"Downloading {url} failed: {reason}.")
        self.reason = reason


def checkpoints_folder() -> Path:
    """Where PyTorch keeps downloaded weights: `hub/checkpoints` under TORCH_HOME."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def file_name(url: str) -> str:
    """The name under which a download is kept: the last part of its address."""
    return unquote(urlsplit(url).path).rpartition("/")[2]


def fetch(
    url: str,
    directory: str | Path,
    sha256_prefix: str | None = None,
    progress: DownloadProgress | None = None,
) -> Path:
    """Download a file into `directory`, unless a file of that name is there already.

    It appears under its name only when it is whole and its checksum fits; a file that is there already is taken as it
    is, as PyTorch takes it.

    Args:
        sha256_prefix: the first hex digits of the file's SHA-256, as torchvision's file names carry them.
        progress: may raise to stop the download; nothing is left of it then.

    Raises:
        DownloadError: no network, refused, not found, cut off, wrong checksum, or no room on the disk.
    """
    target = Path(directory) / file_name(url)
    if target.is_file():
        return target
    partial = target.with_name(f"{target.name}.{uuid.uuid4().hex}.partial")  # unique: two sessions may fetch it at once
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = _download(url, partial, progress or (lambda done, total: None))
        if sha256_prefix and not digest.startswith(sha256_prefix.lower()):
            raise DownloadError(
                url,
                f"its SHA-256 begins with {digest[: len(sha256_prefix)]} instead of {sha256_prefix}, so it was deleted",
            )
        os.replace(partial, target)
    except OSError as error:
        raise DownloadError(url, f"{target.parent} cannot be written ({error.strerror or error})") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    return target


def _download(url: str, partial: Path, progress: DownloadProgress) -> str:
    """Write the answer of `url` to `partial`; returns the SHA-256 as hex digits."""
    request = urllib.request.Request(url, headers={"User-Agent": "vitrine"})
    digest, done = hashlib.sha256(), 0
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise DownloadError(url, _reason(error, url)) from error
    with response, partial.open("xb") as file:
        length = response.headers.get("Content-Length", "")
        total = int(length) if length.isdigit() else None
        progress(0, total)
        while chunk := _read(response, url, done, total):
            file.write(chunk)
            digest.update(chunk)
            done += len(chunk)
            progress(done, total)
    if total is not None and done < total:  # reading in chunks, http.client takes a closed connection for the end
        raise DownloadError(url, _cut(done, total))
    return digest.hexdigest()


def _read(response: http.client.HTTPResponse, url: str, done: int, total: int | None) -> bytes:
    try:
        return response.read(CHUNK)
    except TimeoutError as error:
        raise DownloadError(url, f"nothing came for {TIMEOUT:g} s after {_amount(done, total)}") from error
    except (OSError, http.client.HTTPException) as error:
        raise DownloadError(url, _cut(done, total)) from error


def _amount(done: int, total: int | None) -> str:
    return f"{done:,} bytes" if total is None else f"{done:,} of {total:,} bytes"


def _cut(done: int, total: int | None) -> str:
    return f"the connection was cut after {_amount(done, total)}"


def _reason(error: Exception, url: str) -> str:
    """Why no connection came about, for people who don't know Python's exceptions."""
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        return f"{urlsplit(url).hostname} answered {error.code} {error.reason}"
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    host = urlsplit(url).hostname
    if isinstance(cause, socket.gaierror):
        return f"the address of {host} could not be found, so there seems to be no network"
    if isinstance(cause, TimeoutError):
        return f"{host} did not answer for {TIMEOUT:g} s"
    if isinstance(cause, ConnectionRefusedError):
        return f"{host} refused the connection"
    if isinstance(cause, ssl.SSLError):
        return f"{host} could not be reached safely ({cause.reason or cause})"
    return str(getattr(cause, "strerror", None) or cause).rstrip(".")
