"""Many overlays on one sheet of paper, with the names of their rows and columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PIL import Image

from explainers.render.lettering import PAPER, text_block, wrap

GAP = 12
MARGIN = 24
SIZE = 14  # px of letters
NAMES = 150  # px for the names of rows


def sheet(
    cells: Mapping[tuple[int, int], Image.Image | str],
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    caption: str,
) -> Image.Image:
    """The grid as one picture, RGB.

    Args:
        cells: (row, column) -> picture, or the words that stand where there is none.
        rows, columns: their names.
    """
    pictures = [cell for cell in cells.values() if isinstance(cell, Image.Image)]
    width = max((picture.width for picture in pictures), default=200)
    height = max((picture.height for picture in pictures), default=200)
    refusals = [_words(cell, width, SIZE) for cell in cells.values() if isinstance(cell, str)]
    height = max(
        height, *(block.height for block in refusals), *(_words(name, NAMES - GAP, SIZE).height for name in rows)
    )
    inner = NAMES + len(columns) * (width + GAP)
    head = _words(title, inner, 20)
    column_names = [_words(name, width, SIZE) for name in columns]
    foot = _words(caption, inner, SIZE)
    top = MARGIN + head.height + GAP + max((name.height for name in column_names), default=0) + GAP
    paper = Image.new("RGB", (inner + 2 * MARGIN, top + len(rows) * (height + GAP) + foot.height + MARGIN), PAPER)
    paper.paste(head, (MARGIN, MARGIN))
    for column_index, name in enumerate(column_names):
        paper.paste(name, (MARGIN + NAMES + column_index * (width + GAP), MARGIN + head.height + GAP))
    for row, words in enumerate(rows):
        y = top + row * (height + GAP)
        paper.paste(_words(words, NAMES - GAP, SIZE), (MARGIN, y))
        for column in range(len(columns)):
            cell = cells[row, column]
            drawn = _words(cell, width, SIZE) if isinstance(cell, str) else cell
            paper.paste(drawn, (MARGIN + NAMES + column * (width + GAP), y))
    paper.paste(foot, (MARGIN, paper.height - MARGIN - foot.height + GAP))
    return paper


def _words(text: str, width: int, size: int) -> Image.Image:
    return text_block(wrap(text, width, size), width, size)
