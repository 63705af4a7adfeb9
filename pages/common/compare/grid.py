"""A grid of maps, and what is said of them together."""

from __future__ import annotations

import io
import math
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import pandas as pd
import streamlit as st
from PIL import Image

import explainers as ex
from explainers.render.cells import COLOURS, Drawing, backdrop, encode_cells
from explainers.render.colour_bar import colour_bar_html
from explainers.render.lettering import PAPER
from explainers.render.overlay import Scale, colour_bar
from explainers.render.sheet import sheet
from pages.common.app import session
from pages.common.app.caches import result_cache
from pages.common.app.images import show_picture
from pages.common.app.progress import progress_bar
from pages.common.app.selection import Selection, short_hash
from pages.common.compare.axes import layerless, questions
from pages.common.result.verdict import identity
from pages.common.run.explain import PATIENCE, duration, in_words, passes_in_words
from pages.common.sidebar.uploads import shortened

SIDE = 220  # px


PER_PAGE = 24  # cells


FEWEST = 3  # columns, lest a single cell fill the page


CAPTURE = 4  # passes: who makes no more of them shares most with the others of the same model, picture and target


NO_LAYER = "no layer"


UNASKED = 100  # passes that start without a price: finding the pace of a network takes nearly as many


@dataclass(frozen=True, eq=False)
class Cell:
    """One place of the grid.

    Attributes:
        name: of its row and its column.
        asked: what every axis says, by its kind.
        made: its question, or why there is none.
        found: the map, or the sentence that says why there is none.
        ranking: the order of the map's values, to compare it by, where it has one.
    """

    place: tuple[int, int]
    name: str
    asked: dict[str, str]
    made: ex.Question | ex.VitrineError
    found: ex.Attribution | ex.VitrineError
    ranking: ex.Ranking | None

    @property
    def question(self) -> ex.Question:
        assert isinstance(self.made, ex.Question)
        return self.made

    @property
    def key(self) -> tuple[object, ...]:
        assert isinstance(self.found, ex.Attribution)
        found = self.found
        return (found.model_fingerprint, found.input_fingerprint, repr(found.target), *identity(found))

    @cached_property
    def heat(self) -> Any:
        """The map (H, W) as it is shown."""
        assert isinstance(self.found, ex.Attribution)
        return self.found.heatmap()[0]

    @property
    def view(self) -> Image.Image:
        """The picture as the model sees it."""
        model = self.question.model
        return model.preprocess.view(self.question.image) if model.preprocess else self.question.image


def cells_with_progress(
    selection: Selection,
    rows: tuple[str, list[str]],
    columns: tuple[str, list[str]],
    fixed: dict[str, str],
    options: dict[str, dict[str, Any]],
) -> list[Cell] | None:
    """Every cell of the grid, computed once; None while long work waits for a click.

    Args:
        fixed: what stands on no axis and is the same in all cells.
        options: by method.
    """
    asked = [
        ((r, c), fixed | {rows[0]: row, columns[0]: column})
        for r, row in enumerate(rows[1]) for c, column in enumerate(columns[1])
    ]  # fmt: skip
    made = questions(selection, [values for _, values in asked], options)
    possible = [one for one in made if isinstance(one, ex.Question)]
    key = ("grid", *selection.key, repr(asked), repr(options), repr([isinstance(one, ex.Question) for one in made]))
    found = result_cache().find(key)
    if found is None and not _agreed(possible, short_hash(key)):
        return None
    with progress_bar("Maps") as bar:
        found = result_cache().get(key, lambda: ex.explain_all(possible, progress=bar))
    answers = iter(found)
    answered = [one if isinstance(one, ex.VitrineError) else next(answers) for one in made]
    maps = [one for one in answered if isinstance(one, ex.Attribution)]
    ranked = iter(result_cache().get(("rankings", *key), lambda: ex.rankings(maps)))
    names = _names(rows, columns, asked, made)
    return [
        Cell(place, name, values, one, answer, next(ranked) if isinstance(answer, ex.Attribution) else None)
        for (place, values), name, one, answer in zip(asked, names, made, answered, strict=True)
    ]


def _names(
    rows: tuple[str, list[str]],
    columns: tuple[str, list[str]],
    asked: list[tuple[tuple[int, int], dict[str, str]]],
    made: list[ex.Question | ex.VitrineError],
) -> list[str]:
    """Of every cell's row and column; a map of no layer is not called by one."""
    short = (shortened(rows[1]), shortened(columns[1]))
    found = []
    for (place, values), one in zip(asked, made, strict=True):
        parts = {rows[0]: short[0][place[0]], columns[0]: short[1][place[1]]}
        if isinstance(one, ex.Question) and layerless(values):
            parts["layers"] = NO_LAYER
        found.append(" · ".join(parts.values()))
    return found


def _agreed(questions: list[ex.Question], name: str) -> bool:
    """Whether the work may start: at once unless it is predicted to take long."""
    many = {number: passes for number, q in enumerate(questions) if (passes := _passes(q)) > CAPTURE}
    key = f"_agreed_{name}"
    if sum(many.values()) <= UNASKED or st.session_state.get(key):
        return True
    prices = []
    for one in (questions[number] for number in many):
        with suppress(ex.VitrineError):  # its cell will say so
            prices.append(ex.estimate(one.model, one.image, one.method, **one.options))
    seconds = sum(price.seconds for price in prices)
    if seconds <= PATIENCE:
        return True
    st.button(
        f"Start: about {duration(seconds)}", icon=":material/play_arrow:", type="primary", key="compare_start",
        on_click=lambda: st.session_state.update({key: True}),
    )  # fmt: skip
    st.caption(f"{passes_in_words(sum(p.forward for p in prices), sum(p.backward for p in prices))}.")
    return False


def _passes(question: ex.Question) -> float:
    """How many passes a question takes, as far as can be told before its network is looked at."""
    method = ex.find_method(question.method)
    if method.anytime:  # how many may depend on the layer
        return math.inf
    try:
        options = method.options.read(method.name, question.options)
    except ex.VitrineError:  # its cell will say so
        return 0
    price = method.cost((1, *question.model.input_shape), options)
    return price.forward + price.backward


def scales(cells: list[Cell], shared: bool) -> dict[tuple[int, int], Scale]:
    """The scale of every map: one for all, or each its own."""
    maps = {cell.place: (cell.found, cell.heat) for cell in cells if isinstance(cell.found, ex.Attribution)}
    if shared and maps:
        one = Scale.of([heat for _, heat in maps.values()], signed=any(found.signed for found, _ in maps.values()))
        return dict.fromkeys(maps, one)
    return {p: Scale.of(heat, signed=found.signed, percentile=found.percentile) for p, (found, heat) in maps.items()}


def drawings(cells: list[Cell], scale: dict[tuple[int, int], Scale]) -> dict[tuple[int, int], Drawing]:
    """What is drawn in every cell that has a map; cells of one picture share it."""
    pictures: dict[tuple[str, int], Image.Image] = {}
    drawn = {}
    for cell in cells:
        if cell.place not in scale or isinstance(cell.found, ex.VitrineError):
            continue
        seen = (cell.question.model.fingerprint, id(cell.question.image))
        if seen not in pictures:
            pictures[seen] = backdrop(cell.view, SIDE)
        drawn[cell.place] = Drawing.of(pictures[seen], cell.found, scale[cell.place])
    return drawn


def _encoded(cells: list[Cell], scale: dict[tuple[int, int], Scale]) -> dict[tuple[int, int], bytes]:
    """The cells as JPEG files; those that nobody has looked at yet are drawn together."""
    names = {cell.place: ("cell", *cell.key, repr(scale[cell.place])) for cell in cells if cell.place in scale}
    kept = {place: result_cache().find(name) for place, name in names.items()}
    missing = drawings([cell for cell in cells if kept.get(cell.place, b"") is None], scale)
    fresh = dict(zip(missing, encode_cells([*missing.values()]), strict=True))
    for place in fresh:
        result_cache().get(names[place], partial(fresh.get, place))
    return kept | fresh


def show_grid(cells: list[Cell], columns: int, scale: dict[tuple[int, int], Scale], reference: Cell) -> None:
    """The cells in rows, each with how alike it is to the reference and a button to make it the reference."""
    per_page = max(1, PER_PAGE // columns) * columns
    pages = -(-len(cells) // per_page)
    page = 1
    if pages > 1:
        page = int(
            st.number_input(f"Part of the grid, 1 to {pages}", 1, pages, 1, 1, key="compare_page", bind="query-params")
        )
    shown = cells[(page - 1) * per_page : page * per_page]
    pictures = _encoded(shown, scale)
    for start in range(0, len(shown), columns):
        for column, cell in zip(st.columns(max(FEWEST, columns)), shown[start : start + columns], strict=False):
            with column:
                if cell.place in pictures:
                    _show_cell(cell, pictures[cell.place], scale[cell.place], reference)
                else:
                    st.caption(f"**{cell.name}**")
                    st.info(str(cell.found), icon=":material/block:")


def _show_cell(cell: Cell, drawn: bytes, scale: Scale, reference: Cell) -> None:
    show_picture(drawn, alt=f"Heat map. {cell.name}")
    st.html(colour_bar_html(scale, COLOURS[scale.kind], "", ticks=3))
    found = ex.likeness(cell.ranking, reference.ranking)
    words = "the reference" if cell is reference else f"rank correlation {found[0]:.2f}" if found else ""
    st.caption(f"**{cell.name}**" + (f"  \n{words}" if words else ""))
    row, column = cell.place
    st.button(
        "Pin", key=f"compare_pin_{row}_{column}", icon=":material/keep:", type="tertiary", disabled=cell is reference,
        on_click=_pin, args=(cell.name,), help="Compare every other map with this one.",
    )  # fmt: skip


def _pin(name: str) -> None:
    session.set_widget("compare_reference", name)


def units(cells: list[Cell]) -> str:
    """What the numbers of the colour bars are, in a sentence."""
    found = {
        cell.found.method: ex.find_method(cell.found.method).unit
        for cell in cells
        if isinstance(cell.found, ex.Attribution)
    }
    if len(set(found.values())) == 1:
        return f"The numbers are {next(iter(found.values()))}."
    return f"The numbers are {'; '.join(f'of {name} {unit}' for name, unit in found.items())}."


def unlayered(cells: list[Cell]) -> str:
    """Which maps stand under a layer that they do not look at, in a sentence; empty if none does."""
    names = {
        cell.asked["methods"] for cell in cells if isinstance(cell.found, ex.Attribution) and layerless(cell.asked)
    }
    return f"Looking at no layer: {', '.join(sorted(names))}." if names else ""


def table(cells: list[Cell], reference: Cell) -> pd.DataFrame:
    """A row per cell with a map: what it is, what it took, and how alike it is to the reference."""
    rows = []
    for cell in cells:
        if isinstance(cell.found, ex.VitrineError):
            continue
        found = cell.found
        correlation, overlap = ex.likeness(cell.ranking, reference.ranking) or (None, None)
        rows.append(
            {
                "map": cell.name, "rank correlation with reference": correlation, "overlap of the top 10 %": overlap,
                "score": float(found.score[0]), "method": found.method, "options": in_words(cell.question.options),
                "layer": found.layer, "model": cell.question.model.name,
                "target": found.target.describe(cell.question.model.labels), "forward passes": found.cost.forward,
                "backward passes": found.cost.backward, "seconds": found.cost.seconds,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def sheet_png(
    cells: list[Cell],
    rows: list[str],
    columns: list[str],
    scale: dict[tuple[int, int], Scale],
    title: str,
    caption: str,
) -> bytes:
    """The whole grid as one picture."""
    drawn: dict[tuple[int, int], Any] = {cell.place: str(cell.found) for cell in cells}
    drawn |= {place: _with_bar(one) for place, one in drawings(cells, scale).items()}
    buffer = io.BytesIO()
    sheet(drawn, rows, columns, title, caption).save(buffer, "PNG")
    return buffer.getvalue()


def _with_bar(one: Drawing) -> Image.Image:
    """The overlay with its colour bar below, for a sheet."""
    drawn = one.drawn()
    bar = colour_bar(one.scale, COLOURS[one.scale.kind], drawn.width, 36)
    both = Image.new("RGB", (drawn.width, drawn.height + bar.height), PAPER)
    both.paste(drawn, (0, 0))
    both.paste(bar, (0, drawn.height))
    return both
