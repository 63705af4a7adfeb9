"""The names of a model's outputs, from a list or from any of the files in which people keep them."""

from __future__ import annotations

import ast
import csv
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from explainers.core.errors import VitrineError
from explainers.models.paths import expanded

Labels = str | Path | Sequence[str]
"""A path to a file, or the names themselves."""

LARGEST_FILE: Final = 8 * 2**20
"""Bytes; ImageNet-21k's labels take 0.4 MB."""

HEADINGS: Final = frozenset({"label", "labels", "name", "names", "class", "classes", "class_name"})
"""What the first line of a column of names says, in small letters."""

NUMBERED: Final = re.compile(r"\s*(\d+)\s*[:,\t]\s*(.+)")


def read_labels(labels: Labels, outputs: int | None = None) -> tuple[str, ...]:
    """One name per output.

    A file holds one name a line (blank lines are skipped), lines like "0: name", a JSON list, or a dict from number to
    name, or to [code, name] as in `imagenet_class_index.json`. One that ends in .csv holds a column of names, or one of
    numbers and one of names, in either order, with or without a line that says what they are.

    Args:
        outputs: how many outputs the model has; None if unknown.

    Raises:
        VitrineError: the file can't be read, or the count is not `outputs`.
    """
    if isinstance(labels, str | Path):
        path = expanded(labels)
        parse = parse_table if path.suffix.lower() == ".csv" else parse_labels
        source, names = path.name, parse(_read_text(path), path.name)
    else:
        source, names = "labels", tuple(str(name) for name in labels)
    if not names:
        raise VitrineError(f"{source} has no labels in it.")
    if outputs is not None and len(names) != outputs:
        extra = len(names) == outputs + 1 and names[0].lower() in {"background", "__background__", "unknown"}
        hint = f"; its first, {names[0]!r}, is probably not one of the model's classes: leave it out" if extra else ""
        raise VitrineError(f"{source} has {len(names)} labels, but the model has {outputs} outputs{hint}.")
    return names


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise VitrineError(f"{path.name} is too large for a file of labels ({path.stat().st_size:,} bytes).")
        return path.read_text("utf-8-sig")
    except FileNotFoundError as error:
        raise VitrineError(f"There is no file of labels {path}.") from error
    except (OSError, ValueError) as error:
        reason = (
            "it is not UTF-8 text"
            if isinstance(error, UnicodeDecodeError)
            else getattr(error, "strerror", None) or error
        )
        raise VitrineError(f"The labels {path.name} cannot be read: {reason}.") from error


def parse_labels(text: str, source: str = "The text") -> tuple[str, ...]:
    """The names in the text of a label file.

    Raises:
        VitrineError: it begins like JSON and is none, or its numbers leave gaps.
    """
    if text.lstrip()[:1] in {"[", "{"}:
        return _from_values(_parse_values(text, source), source)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    numbered = [NUMBERED.fullmatch(line) for line in lines]
    pairs = {int(match[1]): match[2].strip() for match in numbered if match}
    # all of them, and no number twice: otherwise it is a list whose names happen to begin with numbers
    return _in_order(pairs, source) if len(pairs) == len(lines) else tuple(lines)


def parse_table(text: str, source: str = "The table") -> tuple[str, ...]:
    """The names in the text of a CSV file.

    Raises:
        VitrineError: it has neither one column nor two of which one holds numbers, or the numbers leave gaps.
    """
    rows = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines(), skipinitialspace=True) if any(row)]
    if not rows or any(len(row) != len(rows[0]) for row in rows) or len(rows[0]) > 2:
        raise VitrineError(f"{source} should have one column of names, or one of numbers and one of names.")
    if len(rows[0]) == 1:
        names = [row[0] for row in rows]
        return tuple(names[1:] if names[0].lower() in HEADINGS else names)
    numbers = next((c for c in (0, 1) if all(row[c].isdecimal() for row in rows[1:]) and len(rows) > 1), None)
    if numbers is None:
        raise VitrineError(f"{source} should have one column of numbers beside the one of names.")
    body = rows if rows[0][numbers].isdecimal() else rows[1:]
    return _in_order({int(row[numbers]): row[1 - numbers] for row in body}, source)


def _parse_values(text: str, source: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as not_json:
        try:
            return ast.literal_eval(text.strip())  # literals only; {0: 'tench', ...} is a widespread form of ImageNet's
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            raise VitrineError(f"{source} begins like JSON, but is not: {not_json}.") from not_json


def _from_values(values: Any, source: str) -> tuple[str, ...]:
    if isinstance(values, Mapping):
        if all(str(key).isdecimal() for key in values):
            return _in_order({int(key): _name(value) for key, value in values.items()}, source)
        if all(isinstance(value, int) for value in values.values()):
            return _in_order({value: str(key) for key, value in values.items()}, source)
    elif isinstance(values, list | tuple):
        return tuple(_name(value) for value in values)
    raise VitrineError(f"{source} should be a list of names, or a dict from number to name.")


def _name(value: Any) -> str:
    return str(value[-1]) if isinstance(value, list | tuple) and value else str(value)


def _in_order(pairs: Mapping[int, str], source: str) -> tuple[str, ...]:
    missing = next((number for number in range(len(pairs)) if number not in pairs), None)
    if missing is not None:
        raise VitrineError(
            f"{source} numbers its labels up to {max(pairs)}, but has none for {missing}; they count from 0."
        )
    return tuple(pairs[number] for number in range(len(pairs)))
