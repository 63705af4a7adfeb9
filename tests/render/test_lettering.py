"""Words fit the width they are given, and numbers are short."""

from __future__ import annotations

import pytest

from explainers.render.lettering import font, line_height, number, shorten, text_block, wrap


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0, "0"), (-0.0, "0"), (-2.5, "−2.5"), (1234.4, "1,234"), (999.4, "999"), (1e-7, "1e−07"), (2e6, "2e+06")],
)
def test_numbers_have_three_digits_and_a_real_minus(value: float, words: str) -> None:
    assert number(value) == words


@pytest.mark.parametrize("text", ["", "word", "many words of one sentence that is long", "x" * 300])
def test_lines_are_no_wider_than_they_may_be(text: str) -> None:
    lines = wrap(text, 120, 14)
    assert all(font(14).getlength(line) <= 120 for line in lines)
    assert text_block(lines, 120, 14).size == (120, max(1, len(lines) * line_height(14)))
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")  # a long word is broken, never cut
    assert shorten("word", 120, 14) == "word"
    assert shorten("x" * 300, 120, 14).endswith("x…")


def test_new_lines_stay_and_broken_words_fill_their_lines() -> None:
    assert wrap("one two\nthree", 500, 14) == ["one two", "three"]
    link = "http://127.0.0.1:8501/saliency?" + "model=demo%3Asigns-cnn&" * 9
    lines = wrap(f"from {link}", 300, 14)
    assert lines[0] == "from"
    assert "".join(lines[1:]) == link
    assert all(font(14).getlength(line) > 270 for line in lines[1:-1])
