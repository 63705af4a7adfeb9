"""What a pickle would call if it were run, read off without running it."""

from __future__ import annotations

import itertools
import pickletools
from collections.abc import Iterator
from typing import IO, Any, Final

LONGEST_PICKLE: Final = 1_000_000
"""Opcodes read before giving up: a state dict of ten thousand tensors takes about 300 000."""

PLAIN_MODULES: Final = frozenset(
    {"collections", "torch", "torch._utils", "torch._tensor", "torch.nn.parameter", "torch.storage"}
)
"""Where the globals of an honest state dict live; anything else is worth naming first."""


def named_globals(stream: IO[bytes]) -> list[str]:
    """Every "module.name" the pickles in `stream` import, in order of appearance and each once.

    Reads several pickles one after the other, as PyTorch's legacy format has them, and stops at the first byte
    that is not a pickle. Names built while unpickling can't be seen this way: a list for the reader, not a guard.
    """
    names: dict[str, None] = {}
    budget = itertools.count()
    try:
        while next(budget) < LONGEST_PICKLE:
            for name in _globals_of_one_pickle(stream, budget):
                names[name] = None
    except Exception:  # not a pickle, or the end of it: pickletools raises nearly anything on damaged bytes
        pass
    return list(names)


def _globals_of_one_pickle(stream: IO[bytes], budget: Iterator[int]) -> Iterator[str]:
    memo: dict[int, object] = {}
    strings: list[str] = []  # pushed so far; STACK_GLOBAL takes the last two
    last: object = None
    for opcode, argument, _ in _opcodes(stream):
        if next(budget) >= LONGEST_PICKLE:
            return
        if opcode.name in {"GLOBAL", "INST"}:
            module, _, name = str(argument).partition(" ")
            yield f"{module}.{name}"
        elif opcode.name == "STACK_GLOBAL":
            yield ".".join(["?", "?", *strings][-2:])
        elif opcode.name == "MEMOIZE":
            memo[len(memo)] = last
        elif opcode.name in {"PUT", "BINPUT", "LONG_BINPUT"}:
            memo[int(argument)] = last
        else:
            last = memo.get(int(argument)) if opcode.name in {"GET", "BINGET", "LONG_BINGET"} else argument
            if isinstance(last, str):
                strings.append(last)


def _opcodes(stream: IO[bytes]) -> Iterator[tuple[pickletools.OpcodeInfo, Any, int | None]]:
    """The steps of one pickle: opcode, argument, place."""
    yield from pickletools.genops(stream)


def is_pickle(stream: IO[bytes]) -> bool:
    """Whether `stream` begins with a whole pickle, marked as one or not."""
    try:
        return any(opcode.name == "STOP" for opcode, _, _ in itertools.islice(_opcodes(stream), LONGEST_PICKLE))
    except Exception:  # as above
        return False


def pickle_protocol(head: bytes) -> int:
    """The protocol a pickle declares in its first two bytes; 0 where it declares none."""
    return head[1] if len(head) > 1 and head[0] == 0x80 else 0


def suspicious(names: list[str]) -> list[str]:
    """Those of `names` that no honest state dict needs."""
    return [name for name in names if name.rpartition(".")[0] not in PLAIN_MODULES]
