"""A sheet of overlays holds every cell, and words where there is none."""

from __future__ import annotations

import numpy as np
from PIL import Image

from explainers.render.sheet import GAP, MARGIN, NAMES, sheet


def test_every_cell_lies_in_its_row_and_column() -> None:
    colours = {(0, 0): (200, 0, 0), (0, 1): (0, 200, 0), (1, 0): (0, 0, 200)}
    cells: dict[tuple[int, int], Image.Image | str] = {
        place: Image.new("RGB", (60, 40), colour) for place, colour in colours.items()
    }
    paper = sheet({**cells, (1, 1): "refused"}, ["first", "second"], ["left", "right"], "Title", "Caption")
    pixels = np.asarray(paper)
    assert paper.width == NAMES + 2 * (60 + GAP) + 2 * MARGIN
    corners = {}
    for place, colour in colours.items():
        rows, columns = np.nonzero((pixels == colour).all(-1))
        assert len(rows) == 60 * 40
        corners[place] = (int(rows.min()), int(columns.min()))
    (top, left), (beside_top, right), (below, below_left) = (corners[place] for place in ((0, 0), (0, 1), (1, 0)))
    assert (top, left + 60 + GAP) == (beside_top, right)
    assert (top + 40 + GAP, left) == (below, below_left)
