"""A comparison to take away: its numbers as a table, and the whole grid as one picture."""

from __future__ import annotations

import io
from typing import Any

import pandas as pd
from PIL import Image

import explainers as ex
from explainers.render.cells import COLOURS, Drawing
from explainers.render.colour_bar import colour_bar
from explainers.render.lettering import PAPER
from explainers.render.scale import Scale
from explainers.render.sheet import sheet
from pages.common.compare.cells import Cell, Place
from pages.common.compare.grid import drawings
from pages.common.run.words import options_in_words


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


def sheet_png(
    cells: list[Cell],
    rows: list[str],
    columns: list[str],
    scale: dict[Place, Scale],
    title: str,
    caption: str,
) -> bytes:
    """The whole grid as one picture."""
    drawn: dict[Place, Any] = {cell.place: str(cell.attribution) for cell in cells}
    drawn |= {place: _with_bar(drawing) for place, drawing in drawings(cells, scale).items()}
    buffer = io.BytesIO()
    sheet(drawn, rows, columns, title, caption).save(buffer, "PNG")
    return buffer.getvalue()


def _with_bar(drawing: Drawing) -> Image.Image:
    """The overlay with its colour bar below, for a sheet."""
    drawn = drawing.drawn()
    bar = colour_bar(drawing.scale, COLOURS[drawing.scale.kind], drawn.width, 36)
    both = Image.new("RGB", (drawn.width, drawn.height + bar.height), PAPER)
    both.paste(drawn, (0, 0))
    both.paste(bar, (0, drawn.height))
    return both
