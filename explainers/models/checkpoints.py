"""Weights out of a file, without running any code that may be in it."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import safe_open
from torch import Tensor

from explainers.core.errors import VitrineError
from explainers.models.checkpoint_errors import RefusedError, damaged, printable
from explainers.models.checkpoint_formats import (
    ZIP_START,
    Format,
    detect_format,
    globals_of,
    pickle_record,
)
from explainers.models.paths import expanded
from explainers.models.pickle_globals import pickle_protocol, suspicious
from explainers.models.state_dict_search import find_state_dict

SAVE_AGAIN: Final = "save its state_dict alone, with torch.save(model.state_dict(), ...) or as safetensors"


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """The weights in a file, by name, on the CPU.

    Reads safetensors, and what torch.save wrote through `torch.load(weights_only=True)` alone. Looks for the weights
    inside training checkpoints, Lightning's among them. The file is closed and may change once this returns.

    Raises:
        RefusedError: the file wants to run code; the message names what.
        VitrineError: no such file, empty, too large, damaged, not a checkpoint, or without tensors.
    """
    path = expanded(path)
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
    stored = tensor.untyped_storage().nbytes() // tensor.element_size()
    # A few bytes can be expanded to any shape, and would then be written out in full.
    return f"{stored:,} numbers in the place of {tensor.numel():,}" if stored < tensor.numel() else None


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


def _contents(loaded: Any) -> str:
    if not isinstance(loaded, Mapping):
        return f"it is a {type(loaded).__name__}"
    names = ", ".join(printable(str(key)) for key in list(loaded)[:6])
    return f"its top level has {names}{', ...' if len(loaded) > 6 else ''}" if names else "it is an empty dict"
