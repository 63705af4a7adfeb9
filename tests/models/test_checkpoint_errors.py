"""What is said of files that cannot be read fits on one line."""

from __future__ import annotations

from pathlib import Path

from explainers.models.checkpoint_errors import damaged, printable


def test_text_of_unknown_origin_is_made_printable_and_short():
    assert printable("two\nlines\x1b[31m") == "two?lines?[31m"
    assert printable("x" * 100, 10) == "x" * 9 + "…"
    assert printable("x" * 10, 10) == "x" * 10


def test_a_damaged_file_is_named_with_the_reason():
    error = damaged(Path("folder/w.pt"), RuntimeError("bad\n  magic."))
    assert str(error) == "w.pt is cut short or damaged (bad magic); download or copy it again."
    assert "(EOFError)" in str(damaged(Path("w.pt"), EOFError()))
