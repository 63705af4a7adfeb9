"""A comparison to take away: its table is the library's, its sheet holds every cell."""

from __future__ import annotations

import io

import pytest
from PIL import Image

import explainers as ex
from explainers.render.style import Style
from pages.common.compare.cells import Cell, cells_with_progress
from pages.common.compare.downloads import named, sheet_png, table
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


def sheet_of(methods: list[str]) -> Image.Image:
    selection, grid = scene("demo:signs-cnn", "scene:1000050"), cells(methods)
    rows, columns = ("methods", methods), ("layers", ["layer3", "layer4"])
    content = sheet_png(selection, grid, rows, columns, scales(grid, False), Style(), ["Note."])
    return Image.open(io.BytesIO(content))


def test_the_sheet_grows_with_its_rows_and_says_what_it_is() -> None:
    one_row, two_rows = sheet_of(["grad-cam"]), sheet_of(["grad-cam", "layer-cam"])
    assert one_row.size[0] == two_rows.size[0]
    assert two_rows.size[1] > 1.4 * one_row.size[1]
    words = two_rows.text
    assert words["Title"] == "Methods by layers"
    assert words["Model"] == "demo:signs-cnn"
    assert "Model: demo:signs-cnn. Picture: Stop (scene:1000050). Note." in words["Description"]


@pytest.mark.parametrize(
    ("kind", "value", "name"),
    [
        ("methods", "grad-cam", "Grad-CAM"),
        ("models", "the sidebar's", "demo:signs-cnn"),
        ("models", "torchvision:resnet18 · mine.pt · 0123456789ab", "torchvision:resnet18, mine.pt"),
        ("inputs", "the sidebar's", "Stop (scene:1000050)"),
        ("inputs", "cat.png · 0123456789ab", "cat.png"),
        ("targets", "top class", "the first answer"),
        ("targets", "stop", "stop"),
        ("layers", "layer4", "layer4"),
    ],
)
def test_names_are_those_that_a_stranger_knows(kind: str, value: str, name: str) -> None:
    assert named(kind, value, scene("demo:signs-cnn", "scene:1000050")) == name
