"""What is in a checkpoint, without executing any of it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open
from torch import Tensor

from explainers.core.errors import VitrineError
from explainers.models.architecture_search import architecture_of
from explainers.models.checkpoint_errors import RefusedError, damaged, printable
from explainers.models.checkpoint_formats import Format, detect_format, globals_of, zip_records
from explainers.models.checkpoint_prefixes import common_prefixes
from explainers.models.checkpoints import read_checkpoint
from explainers.models.paths import expanded
from explainers.models.pickle_globals import suspicious
from explainers.models.state_dict_search import find_state_dict


@dataclass(frozen=True)
class TensorInfo:
    """One tensor of a checkpoint: its name, shape, dtype ("float32") and number of elements."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    count: int


@dataclass(frozen=True)
class Entry:
    """One key at the top of a checkpoint: its name, the type of its value, and the value where it is short."""

    key: str
    type: str
    value: str


@dataclass(frozen=True)
class CheckpointInfo:
    """What a checkpoint says of itself.

    Attributes:
        format: how it is written.
        size: bytes.
        sha256: hex digits of the whole file's hash.
        entries: the top level of a pickled checkpoint.
        tensors: the weights `read_state_dict` would return, in the file's order.
        metadata: what a safetensors file carries as text.
        prefixes: what wrappers put before every name, outermost first.
        globals: every "module.name" the pickle imports, harmless ones too.
        suspicious: those of `globals` that no plain state dict needs.
        records: (name, bytes) of a zip archive's parts.
        refused: why it can't be loaded safely, in a sentence; None if it can.
    """

    format: Format
    size: int
    sha256: str
    entries: tuple[Entry, ...] = ()
    tensors: tuple[TensorInfo, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()
    prefixes: tuple[str, ...] = ()
    globals: tuple[str, ...] = ()
    suspicious: tuple[str, ...] = ()
    records: tuple[tuple[str, int], ...] = ()
    refused: str | None = None

    @property
    def parameters(self) -> int:
        """Elements of all tensors together, batch normalisation's running statistics included."""
        return sum(tensor.count for tensor in self.tensors)

    @property
    def looks_like(self) -> str | None:
        """The architecture of torchvision's that the weights are for, as `load_model` takes it; None if none of them is."""
        return architecture_of({tensor.name: tensor.shape for tensor in self.tensors})

    @property
    def hints(self) -> dict[str, str]:
        """What the top level says of its origin: Lightning's version, epoch, steps."""
        names = {"pytorch-lightning_version": "Lightning", "epoch": "epoch", "global_step": "step"}
        return {names[entry.key]: entry.value for entry in self.entries if entry.key in names}


def inspect_checkpoint(path: str | Path) -> CheckpointInfo:
    """Look into a file of weights; files that would run code are looked into as well, and not run.

    Raises:
        VitrineError: no such file, empty, too large, damaged, or no checkpoint at all.

    Example:
        >>> import pathlib, tempfile, torch
        >>> import explainers as ex
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = pathlib.Path(folder) / "head.pt"
        ...     torch.save({"state_dict": {"fc.weight": torch.zeros(12, 64)}, "epoch": 7}, file)
        ...     info = ex.inspect_checkpoint(file)
        >>> [(tensor.name, tensor.shape) for tensor in info.tensors], info.hints
        ([('fc.weight', (12, 64))], {'epoch': '7'})
    """
    path = expanded(path)
    form = detect_format(path)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    size = path.stat().st_size
    if form is Format.SAFETENSORS:
        tensors, metadata = _safetensors_header(path)
        return CheckpointInfo(
            form,
            size,
            sha256,
            tensors=tensors,
            metadata=metadata,
            prefixes=common_prefixes(tensor.name for tensor in tensors),
        )
    names = globals_of(path)
    records = tuple(zip_records(path)) if form in {Format.ZIP, Format.TORCHSCRIPT} else ()
    entries, tensors, refused = _pickled(path)
    return CheckpointInfo(
        format=form,
        size=size,
        sha256=sha256,
        entries=entries,
        tensors=tensors,
        prefixes=common_prefixes(tensor.name for tensor in tensors),
        globals=tuple(printable(name, 160) for name in names),
        suspicious=tuple(printable(name, 160) for name in suspicious(names)),
        records=records,
        refused=refused,
    )


def _safetensors_header(path: Path) -> tuple[tuple[TensorInfo, ...], tuple[tuple[str, str], ...]]:
    try:
        with safe_open(path, "pt") as file:
            tensors = tuple(_tensor_info(name, file.get_tensor(name)) for name in file.keys())  # noqa: SIM118 (not a dict)
            texts = (file.metadata() or {}).items()
            return tensors, tuple((printable(name, 160), printable(text, 2000)) for name, text in texts)
    except Exception as error:  # SafetensorError, and OSError or MemoryError besides
        raise damaged(path, error) from error


def _pickled(path: Path) -> tuple[tuple[Entry, ...], tuple[TensorInfo, ...], str | None]:
    """The top level, the weights, and why they can't be had."""
    try:
        loaded = read_checkpoint(path, values=False)
    except RefusedError as error:
        return (), (), str(error)
    entries = tuple(Entry(printable(str(k)), type(v).__name__, _short(v)) for k, v in _top_level(loaded))
    try:
        state = find_state_dict(loaded)
    except VitrineError as error:
        return entries, (), str(error)
    return entries, tuple(_tensor_info(name, tensor) for name, tensor in state.items()), None


def _top_level(loaded: Any) -> Sequence[tuple[Any, Any]]:
    if not isinstance(loaded, Mapping):
        return [("", loaded)]
    return list(loaded.items())


def _short(value: Any) -> str:
    """A plain value as text, a container's size; "" for a tensor, whose numbers were not read."""
    if isinstance(value, Tensor):
        return ""
    if isinstance(value, Mapping) and all(isinstance(v, str | int | float | bool | None) for v in value.values()):
        return printable(json.dumps({str(k): v for k, v in value.items()}, default=str), 200)
    if isinstance(value, Mapping | list | tuple | set):
        return f"{len(value)} entries"
    return printable(str(value)) if isinstance(value, str | int | float | bool) else ""


def _tensor_info(name: str, tensor: Tensor) -> TensorInfo:
    shape = tuple(tensor.shape)
    return TensorInfo(printable(name, 160), shape, str(tensor.dtype).removeprefix("torch."), math.prod(shape))
