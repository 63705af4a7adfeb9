"""Weights out of a file, without running any code that may be in it."""

from __future__ import annotations

import enum
import io
import mmap
import pickle
import re
import tarfile
import zipfile
from collections.abc import Mapping
from contextlib import ExitStack
from os.path import expanduser  # leaves an unknown user's "~" as it is, where Path raises
from pathlib import Path
from typing import IO, Any, Final, cast

import torch
from safetensors import safe_open
from torch import Tensor

from explainers.core.errors import VitrineError
from explainers.models.pickles import is_pickle, named_globals, pickle_protocol, suspicious

LARGEST_FILE: Final = 16 * 2**30
"""Bytes; the largest torchvision weights are 2.6 GB. Also bounds what a compressed archive may unfold to."""

LARGEST_PICKLE_RECORD: Final = 256 * 2**20
"""Bytes of `data.pkl`, which holds names and shapes only; tensors lie in records of their own."""

LONGEST_HEADER: Final = 100_000_000
"""Bytes; safetensors allows no longer header."""

ZIP_START: Final = b"PK\x03\x04"

WRAPPERS: Final = (
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "net",
    "network",
    "module",
    "weights",
    "params",
    "ema_state_dict",
    "state_dict_ema",
    "model_ema",
    "params_ema",
    "ema",
)
"""Under which keys training scripts keep the weights, the likelier first; trained weights before their averages."""

SAVE_AGAIN: Final = "save its state_dict alone, with torch.save(model.state_dict(), ...) or as safetensors"

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


class RefusedError(VitrineError):
    """The file is what it says it is, but can't be read without running code from it."""


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
    found = _format_of(path, head)
    if found is None:
        by_name = "an ONNX model" if path.suffix == ".onnx" else None  # nothing in its bytes gives it away
        kind = next((what for at, sign, what in NOT_WEIGHTS if head[at:].startswith(sign)), by_name)
        raise VitrineError(
            f"{path.name} is {kind or 'neither safetensors nor a file torch.save wrote'}; "
            "Vitrine reads safetensors, .pt, .pth, .ckpt, .th and .bin."
        )
    return found


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


def damaged(path: Path, error: Exception) -> VitrineError:
    """The sentence for a file whose bytes are not what its format promises."""
    reason = " ".join(str(error).split())[:160].rstrip(" .") or type(error).__name__
    return VitrineError(f"{path.name} is cut short or damaged ({reason}); download or copy it again.")


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """The weights in a file, by name, on the CPU.

    Reads safetensors, and what torch.save wrote through `torch.load(weights_only=True)` alone. Looks for the weights
    inside training checkpoints, Lightning's among them. The file is closed and may change once this returns.

    Raises:
        RefusedError: the file wants to run code; the message names what.
        VitrineError: no such file, empty, too large, damaged, not a checkpoint, or without tensors.
    """
    path = Path(expanduser(path))
    loaded = read_checkpoint(path)
    state = find_state_dict(loaded)
    if not state:
        raise VitrineError(f"{path.name} holds no weights: {_contents(loaded)}, and no tensors by name among them.")
    for name, tensor in state.items():
        if (kind := _no_plain_numbers(tensor)) is not None:
            raise VitrineError(
                f"{path.name} holds {kind} for {printable(name, 160)}; Vitrine reads dense real tensors: {SAVE_AGAIN}."
            )
    return {name: tensor.detach() for name, tensor in state.items()}


def _no_plain_numbers(tensor: Tensor) -> str | None:
    """What a tensor is that is no dense array of real numbers, each with a place of its own in memory; else None."""
    if tensor.is_meta:
        return "no numbers"
    if tensor.is_nested or tensor.layout is not torch.strided:
        return "a nested tensor" if tensor.is_nested else f"a tensor in {str(tensor.layout).removeprefix('torch.')}"
    if tensor.is_quantized or tensor.is_complex():
        return "quantised numbers" if tensor.is_quantized else "complex numbers"
    held = tensor.untyped_storage().nbytes() // tensor.element_size()
    # A few bytes can be expanded to any shape, and would then be written out in full.
    return f"{held:,} numbers in the place of {tensor.numel():,}" if held < tensor.numel() else None


def read_checkpoint(path: Path, *, values: bool = True) -> Any:
    """Everything in a checkpoint as plain values and tensors.

    Args:
        values: False leaves the tensors' numbers unread, where only names and shapes are wanted.

    Raises:
        VitrineError: as `read_state_dict`.
    """
    form = detect_format(path)
    if form is Format.SAFETENSORS:
        return _read_safetensors(path, values)
    if form is Format.TORCHSCRIPT:
        raise RefusedError(f"{path.name} is a TorchScript archive, which carries code of its own; {SAVE_AGAIN}.")
    if form is Format.TAR:
        raise RefusedError(
            f"{path.name} is in a format that PyTorch gave up in 2017 and can't read safely; {SAVE_AGAIN}."
        )
    return _unpickle_safely(path, form, values)


def _read_safetensors(path: Path, values: bool) -> dict[str, Tensor]:
    try:
        with safe_open(path, "pt") as file:
            # cloned: safetensors maps the file, and the weights must not change when the file does
            read = (lambda name: file.get_tensor(name).clone()) if values else file.get_tensor
            return {name: read(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except Exception as error:  # SafetensorError, and OSError or MemoryError besides
        raise damaged(path, error) from error


def _unpickle_safely(path: Path, form: Format, values: bool) -> Any:
    if form is Format.PICKLE or _protocol_of(path) >= 4:  # PyTorch's weights-only reader stops at the first byte
        raise _refusal(path, form)
    try:
        with ExitStack() as stack:
            file = stack.enter_context(path.open("rb"))
            if not values:
                stack.enter_context(torch.serialization.skip_data())
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise _refusal(path, form, str(error)) from error
    except Exception as error:  # the unpickler raises nearly anything on damaged bytes
        raise damaged(path, error) from error


def _refusal(path: Path, form: Format, message: str = "") -> VitrineError:
    """Why a pickle is not opened, in one sentence that names what it asks for.

    Args:
        message: what PyTorch's weights-only reader said, if it was asked.
    """
    named = re.search(r"GLOBAL (\S+) (?:was not an allowed|whose module)", message)
    wanted = [named[1]] if named else suspicious(globals_of(path))
    if wanted:
        return RefusedError(
            f"{path.name} was not opened, because reading it would run code: it asks for {printable(wanted[0])}, "
            f"and only tensors and plain values are read. If you trust where it comes from, {SAVE_AGAIN}."
        )
    if form is Format.PICKLE:
        reason = "is a pickle that torch.save did not write, so it was not opened"
    elif (protocol := _protocol_of(path)) >= 4:
        reason = f"uses pickle protocol {protocol}, which can't be read without running code"
    else:
        reason = "was not opened, because it is damaged or holds more than tensors and plain values"
    return RefusedError(f"{path.name} {reason}; {SAVE_AGAIN}.")


def _protocol_of(path: Path) -> int:
    with path.open("rb") as file:
        head = file.read(len(ZIP_START))
    return pickle_protocol(pickle_record(path) if head == ZIP_START else head)


def find_state_dict(loaded: Any, depth: int = 3) -> dict[str, Tensor]:
    """The named tensors in what a checkpoint holds; {} if there are none.

    Raises:
        VitrineError: there are several sets of them, under names that don't say which is the model.
    """
    if not isinstance(loaded, Mapping) or depth == 0:
        return {}
    for wrapper in WRAPPERS:
        if found := find_state_dict(loaded.get(wrapper), depth - 1):
            return found
    tensors = _named_tensors(loaded)
    if any(tensor.ndim for tensor in tensors.values()):  # lone numbers beside nested weights are a loss or a step
        return tensors
    nested = {str(key): _named_tensors(value) for key, value in loaded.items() if "optim" not in str(key)}
    sets = {key: found for key, found in nested.items() if found}
    if len(sets) > 1:
        names = ", ".join(printable(key) for key in list(sets)[:5])
        raise VitrineError(
            f"The checkpoint holds {len(sets)} sets of weights ({names}); save the one you mean on its own."
        )
    return next(iter(sets.values()), tensors)


def _named_tensors(loaded: Any) -> dict[str, Tensor]:
    if not isinstance(loaded, Mapping):
        return {}
    return {key: value for key, value in loaded.items() if isinstance(key, str) and isinstance(value, Tensor)}


def _contents(loaded: Any) -> str:
    if not isinstance(loaded, Mapping):
        return f"it is a {type(loaded).__name__}"
    names = ", ".join(printable(str(key)) for key in list(loaded)[:6])
    return f"its top level has {names}{', ...' if len(loaded) > 6 else ''}" if names else "it is an empty dict"


def printable(text: str, longest: int = 80) -> str:
    """`text` from a file of unknown origin on one line and at most `longest` characters."""
    shown = "".join(character if character.isprintable() else "?" for character in text[: longest + 1])
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"
