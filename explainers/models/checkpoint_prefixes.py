"""The prefixes that wrappers leave before every name of a checkpoint, and how they are taken off."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final, TypeVar

T = TypeVar("T")

PREFIXES: Final = ("module.", "_orig_mod.", "model.", "net.", "network.")
"""What wrappers put before every name: DataParallel, torch.compile, Lightning modules."""


def common_prefix(names: Collection[str]) -> str | None:
    """The wrapper's prefix that more than half of the names carry, or None."""
    return next((p for p in PREFIXES if 2 * sum(name.startswith(p) for name in names) > len(names)), None)


def common_prefixes(names: Iterable[str]) -> tuple[str, ...]:
    """Every prefix that more than half of the names carry once those before it are taken off, outermost first."""
    remaining, prefixes = list(names), []
    while remaining and (prefix := common_prefix(remaining)):
        prefixes.append(prefix)
        remaining = [name.removeprefix(prefix) for name in remaining]
    return tuple(prefixes)


def prefixes_taken_off(state: Mapping[str, T]) -> Iterator[Mapping[str, T]]:
    """`state`, tensors or their shapes by name, then `state` with one prefix after the other taken off."""
    while True:
        yield state
        prefix = common_prefix(state)
        if prefix is None:
            return
        names = [name.removeprefix(prefix) for name in state]
        if len(set(names)) < len(names):
            return
        state = dict(zip(names, state.values(), strict=True))
