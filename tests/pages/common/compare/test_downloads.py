"""A comparison to take away: its table is the library's, its sheet holds every cell."""

from __future__ import annotations

import io

import pytest
from PIL import Image

import explainers as ex
from pages.common.compare.cells import Cell, cells_with_progress
from pages.common.compare.downloads import sheet_png, table
from pages.common.compare.grid import scales
from pages.common.sections.story import scene


def cells(methods: list[str]) -> list[Cell]:
    selection = scene("demo:signs-cnn", "scene:1000050")
    answered = cells_with_progress(selection, ("methods", methods), ("layers", ["layer3", "layer4"]), {}, {})
    assert answered is not None
    return answered


def test_a_row_per_map_with_its_likeness_to_the_reference() -> None:
    grid = cells(["grad-cam", "gradient"])  # the gradient looks at no layer: one of its two cells has no map
    assert [cell.has_map for cell in grid] == [True, True, True, False]
    rows = table(grid, grid[0])
    assert rows["map"].tolist() == ["grad-cam · layer3", "grad-cam · layer4", "gradient · no layer"]
    assert rows["layer"].tolist()[:2] == ["layer3", "layer4"]
    assert rows["score"].tolist() == pytest.approx([float(cell.map.score[0]) for cell in grid[:3]])
    likeness = ex.likeness(grid[1].map, grid[0].map)
    assert likeness is not None
    assert rows["rank correlation with reference"][1] == pytest.approx(likeness[0])
    assert rows["overlap of the top 10 %"][1] == pytest.approx(likeness[1])


def test_the_sheet_grows_with_its_rows() -> None:
    one_row, two_rows = cells(["grad-cam"]), cells(["grad-cam", "layer-cam"])
    sizes = [
        Image.open(io.BytesIO(sheet_png(grid, names, ["layer3", "layer4"], scales(grid, False), "Title", ""))).size
        for grid, names in ((one_row, ["grad-cam"]), (two_rows, ["grad-cam", "layer-cam"]))
    ]
    assert sizes[0][0] == sizes[1][0]
    assert sizes[1][1] > 1.5 * sizes[0][1]
