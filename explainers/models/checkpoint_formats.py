"""What kind of checkpoint a file is, by its content, and the pickle inside it; nothing of it is run."""

from __future__ import annotations

import enum
import io
import mmap
import tarfile
import zipfile
from pathlib import Path
from typing import IO, Final, cast

from explainers.core.errors import VitrineError
from explainers.models.checkpoint_errors import damaged, printable
from explainers.models.pickle_globals import is_pickle, named_globals

LARGEST_FILE: Final = 16 * 2**30
"""Bytes; the largest torchvision weights are 2.6 GB. Also bounds what a compressed archive may unfold to."""

LARGEST_PICKLE_RECORD: Final = 256 * 2**20
"""Bytes of `data.pkl`, which holds names and shapes only; tensors lie in records of their own."""

LONGEST_HEADER: Final = 100_000_000
"""Bytes; safetensors allows no longer header."""

ZIP_START: Final = b"PK\x03\x04"

NOT_WEIGHTS: Final = (
    (0, b"version https://git-lfs", "a Git LFS pointer, not the file itself: fetch it with git lfs pull"),
    (0, b"<", "a web page or XML, not weights: download the file again"),
    (0, b"\x89HDF", "an HDF5 (Keras) file"),
    (0, b"\x1f\x8b", "gzip-compressed: unpack it first"),
    (4, b"TFL3", "a TensorFlow Lite model"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"GGUF", "a GGUF file"),
)
"""(offset, bytes, what it is): files that are often mistaken for weights."""


class Format(enum.StrEnum):
    """How a checkpoint is written."""

    SAFETENSORS = "safetensors"
    ZIP = "PyTorch zip"
    LEGACY = "PyTorch legacy pickle"
    TORCHSCRIPT = "TorchScript archive"
    TAR = "PyTorch tar (before 0.1.10)"
    PICKLE = "pickle"


def detect_format(path: Path) -> Format:
    """What kind of checkpoint a file is, by its content and not by its name.

    Raises:
        VitrineError: missing, not a file, empty, too large, or no checkpoint at all.
    """
    shown = printable(str(path), 300)
    try:
        if not path.is_file():
            folder = path.is_dir()
            raise VitrineError(
                f"{shown} is a folder, not a file of weights." if folder else f"There is no file {shown}."
            )
        size = path.stat().st_size
        if size == 0:
            raise VitrineError(f"{path.name} is empty.")
        if size > LARGEST_FILE:
            raise VitrineError(
                f"{path.name} is {size / 2**30:.1f} GiB; Vitrine reads weights up to {LARGEST_FILE // 2**30} GiB."
            )
        with path.open("rb") as file:
            head = file.read(32)
    except OSError as error:
        raise VitrineError(f"{shown} cannot be read: {error.strerror or error}.") from error
    form = _format_of(path, head)
    if form is None:
        by_name = "an ONNX model" if path.suffix == ".onnx" else None  # nothing in its bytes gives it away
        kind = next((what for at, sign, what in NOT_WEIGHTS if head[at:].startswith(sign)), by_name)
        raise VitrineError(
            f"{path.name} is {kind or 'neither safetensors nor a file torch.save wrote'}; "
            "Vitrine reads safetensors, .pt, .pth, .ckpt, .th and .bin."
        )
    return form


def _format_of(path: Path, head: bytes) -> Format | None:
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= LONGEST_HEADER:
        return Format.SAFETENSORS
    if head.startswith(ZIP_START):
        names = {name.partition("/")[2] for name, _ in zip_records(path)}
        if "data.pkl" not in names:
            raise VitrineError(f"{path.name} is a zip archive that torch.save did not write; unpack it first.")
        return Format.TORCHSCRIPT if "constants.pkl" in names else Format.ZIP
    if head.startswith(b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."):  # torch.serialization.MAGIC_NUMBER, pickled
        return Format.LEGACY
    if head.startswith(b"\x80") or _is_unmarked_pickle(path):
        return Format.PICKLE
    return Format.TAR if tarfile.is_tarfile(path) else None


def _is_unmarked_pickle(path: Path) -> bool:
    """Whether it is a pickle of the oldest protocols, which don't begin with a mark of their own."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return is_pickle(cast(IO[bytes], content))


def zip_records(path: Path) -> list[tuple[str, int]]:
    """(name, bytes when unpacked) of the records of a zip archive.

    Raises:
        VitrineError: the archive is damaged, or would unfold to more than LARGEST_FILE.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            records = [(info.filename, info.file_size) for info in archive.infolist()]
    except Exception as error:  # zipfile raises nearly anything on damaged bytes
        raise damaged(path, error) from error
    if sum(size for _, size in records) > LARGEST_FILE:
        raise VitrineError(f"{path.name} would unpack to more than {LARGEST_FILE // 2**30} GiB, so it was not opened.")
    return records


def pickle_record(path: Path) -> bytes:
    """The pickle inside a zip written by torch.save; b"" where there is none.

    Raises:
        VitrineError: the record is damaged or absurdly large.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            info = next((i for i in archive.infolist() if i.filename.partition("/")[2] == "data.pkl"), None)
            if info is None:
                return b""
            if info.file_size > LARGEST_PICKLE_RECORD:
                raise VitrineError(
                    f"{path.name} holds a pickle of {info.file_size / 2**20:.0f} MiB, so it was not opened."
                )
            return archive.read(info)
    except VitrineError:
        raise
    except Exception as error:
        raise damaged(path, error) from error


def globals_of(path: Path) -> list[str]:
    """Every "module.name" that the pickle in a file imports, without running it; [] where it holds no pickle."""
    with path.open("rb") as file:
        if file.read(4) == ZIP_START:
            return named_globals(io.BytesIO(pickle_record(path)))
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return named_globals(cast(IO[bytes], content))
