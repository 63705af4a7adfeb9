"""Words and numbers on pictures."""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from pathlib import Path
from typing import Final

import matplotlib
from PIL import Image, ImageDraw, ImageFont

INK: Final = "#1f2328"
PAPER: Final = "#ffffff"

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@lru_cache(maxsize=16)
def font(size: int) -> Font:
    """A font of `size` pixels: DejaVu Sans from matplotlib, as Pillow's own lacks é, ×, − and Greek."""
    try:
        return ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")), size)
    except OSError:  # a matplotlib packaged without its fonts
        return ImageFont.load_default(size)


def number(value: float) -> str:
    """Three significant digits, thousands written out, with a real minus sign."""
    form = ",.0f" if 999.5 <= abs(value) < 999_999.5 else ".3g"
    return f"{value + 0.0:{form}}".replace("-", "−")


def line_height(size: int) -> int:
    """Pixels from one line of text to the next."""
    return round(size * 1.4)


def wrap(text: str, width: int, size: int) -> list[str]:
    """Lines of at most `width` pixels, new ones where the text has them; a single longer word, such as a link, is broken."""
    measure = font(size).getlength
    lines: list[str] = []
    for paragraph in text.splitlines():
        fresh = True
        for word in paragraph.split():
            if not fresh and measure(f"{lines[-1]} {word}") <= width:
                lines[-1] += f" {word}"
                continue
            lines += _broken(word, width, size)
            fresh = False
    return lines


def _broken(word: str, width: int, size: int) -> list[str]:
    """A word in pieces of at most `width` pixels, or of a letter each."""
    measure = font(size).getlength
    pieces = []
    while word:
        letters = range(1, len(word) + 1)
        count = max(1, bisect_left(letters, True, key=lambda n: measure(word[:n]) > width))
        pieces.append(word[:count])
        word = word[count:]
    return pieces


def shorten(text: str, width: int, size: int) -> str:
    """The text, cut with an ellipsis where it is wider than `width` pixels."""
    measure = font(size).getlength
    if measure(text) <= width:
        return text
    while text and measure(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"


def text_block(lines: list[str], width: int, size: int, ink: str = INK, paper: str = PAPER) -> Image.Image:
    """The lines as a picture, left-aligned."""
    step = line_height(size)
    block = Image.new("RGB", (width, max(1, step * len(lines))), paper)
    draw = ImageDraw.Draw(block)
    for row, line in enumerate(lines):
        draw.text((0, row * step), line, fill=ink, font=font(size))
    return block
