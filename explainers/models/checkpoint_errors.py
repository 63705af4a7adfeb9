"""What is said of a file of weights that cannot be read: one sentence, safe to print."""

from __future__ import annotations

from pathlib import Path

from explainers.core.errors import VitrineError


class RefusedError(VitrineError):
    """The file is what it says it is, but can't be read without running code from it."""


class MisfitError(VitrineError):
    """Weights that do not fit the network they were given to.

    Attributes:
        looks_like: the architecture that they are for, as `load_model` takes it; None if it is not known.
    """

    def __init__(self, sentence: str, looks_like: str | None = None) -> None:
        super().__init__(sentence)
        self.looks_like = looks_like


def damaged(path: Path, error: Exception) -> VitrineError:
    """The sentence for a file whose bytes are not what its format promises."""
    reason = " ".join(str(error).split())[:160].rstrip(" .") or type(error).__name__
    return VitrineError(f"{path.name} is cut short or damaged ({reason}); download or copy it again.")


def printable(text: str, longest: int = 80) -> str:
    """`text` from a file of unknown origin on one line and at most `longest` characters."""
    shown = "".join(character if character.isprintable() else "?" for character in text[: longest + 1])
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"
