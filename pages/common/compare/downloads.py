"""A comparison to take away: its numbers as a table, and the whole grid as one picture."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pandas as pd
from PIL import Image

import explainers as ex
from explainers.render.cells import Drawing
from explainers.render.colour_bar import colour_bar
from explainers.render.encoding import encode_png
from explainers.render.lettering import PAPER, text_block, wrap
from explainers.render.scale import Scale
from explainers.render.sheet import SIZE, sheet
from explainers.render.style import Style
from pages.common.app.selection import Selection
from pages.common.compare.axes import HERE
from pages.common.compare.cells import Axis, Cell, Place
from pages.common.compare.grid import drawings
from pages.common.result.origin import address, picture_name
from pages.common.run.words import options_in_words
from pages.common.sidebar.target_picker import TOP
from pages.common.sidebar.uploads import Upload


def table(cells: list[Cell], reference: Cell) -> pd.DataFrame:
    """A row per cell with a map: what it is, what it took, and how alike it is to the reference."""
    rows = []
    for cell in cells:
        if not cell.has_map:
            continue
        attribution, question = cell.map, cell.answered
        correlation, overlap = ex.likeness(cell.ranking, reference.ranking) or (None, None)
        rows.append(
            {
                "map": cell.name, "rank correlation with reference": correlation, "overlap of the top 10 %": overlap,
                "score": float(attribution.score[0]), "method": attribution.method, "options": options_in_words(question.options),
                "layer": attribution.layer, "model": question.model.name,
                "target": attribution.target.describe(question.model.labels), "forward passes": attribution.cost.forward,
                "backward passes": attribution.cost.backward, "seconds": attribution.cost.seconds,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def named(kind: str, value: str, selection: Selection) -> str:
    """A value of an axis as those know it who were not there: "the sidebar's" by its name, methods by their titles."""
    match kind:
        case "methods":
            return ex.find_method(value).title
        case "models":
            upload = Upload.read(value)
            return selection.model.name if value == HERE else f"{upload.spec}, {upload.file_name}" if upload else value
        case "inputs":
            return picture_name(selection.key[1]) if value == HERE else picture_name("", value)
        case "targets":
            return "the first answer" if value == TOP else value
    return value


def sheet_png(
    selection: Selection,
    cells: list[Cell],
    rows: Axis,
    columns: Axis,
    scale: dict[Place, Scale],
    style: Style,
    notes: Sequence[str],
) -> bytes:
    """The whole grid as one picture that says what it is.

    Args:
        notes: what else is to stand under it.
    """
    drawn: dict[Place, Any] = {cell.place: str(cell.attribution) for cell in cells}
    places = {cell.place: cell for cell in cells}
    drawn |= {place: _with_words(drawing, places[place]) for place, drawing in drawings(cells, scale, style).items()}
    row_names, column_names = ([named(kind, value, selection) for value in values] for kind, values in (rows, columns))
    title = f"{rows[0].capitalize()} by {columns[0]}"
    lines = [
        *_fixed(selection, cells, rows[0], columns[0]),
        *notes,
        *filter(None, (date.today().isoformat(), address())),
    ]
    about = {
        "Title": title, "Description": " ".join(lines), "Software": "Vitrine", "Creation Time": date.today().isoformat(),
        "Source": address(), "Model": selection.model.name, "Picture": picture_name(selection.key[1]),
    }  # fmt: skip
    paper = sheet(drawn, row_names, column_names, title, "\n".join(lines))
    return encode_png(paper, {keyword: words for keyword, words in about.items() if words})


def _fixed(selection: Selection, cells: list[Cell], *axes: str) -> list[str]:
    """What is the same in all cells, a line each."""
    fixed = {"models": HERE, "inputs": HERE} | cells[0].axis_values
    words = {"models": "Model", "inputs": "Picture", "methods": "Method"}
    return [
        f"{word}: {named(kind, fixed[kind], selection)}."
        for kind, word in words.items()
        if kind in fixed and kind not in axes
    ]


def _with_words(drawing: Drawing, cell: Cell) -> Image.Image:
    """The map with its colour bar and its target below, for a sheet."""
    drawn, unit = drawing.drawn(), ex.find_method(cell.map.method).unit
    bar = colour_bar(drawing.scale, drawing.style, drawn.width, 36, unit, drawing.values)
    target = f"{cell.map.target.describe(cell.answered.model.labels)}, score {cell.map.score[0]:.3f}"
    words = text_block(wrap(target, drawn.width, SIZE), drawn.width, SIZE)
    whole = Image.new("RGB", (drawn.width, drawn.height + bar.height + words.height), PAPER)
    whole.paste(drawn, (0, 0))
    whole.paste(bar, (0, drawn.height))
    whole.paste(words, (0, drawn.height + bar.height))
    return whole
