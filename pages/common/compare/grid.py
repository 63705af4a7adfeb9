"""A grid of maps on a page, each with its colour bar and how alike it is to the reference."""

from __future__ import annotations

from functools import partial

import streamlit as st
from PIL import Image

import explainers as ex
from explainers.render.cells import COLOURS, Drawing, backdrop, encode_cells
from explainers.render.colour_bar import colour_bar_html
from explainers.render.scale import Scale
from pages.common.app import session
from pages.common.app.caches import result_cache
from pages.common.app.images import show_picture
from pages.common.compare.cells import Cell, Place
from pages.common.compare.questions import layerless

SIDE = 220  # px
PER_PAGE = 24  # cells
FEWEST = 3  # columns, lest a single cell fill the page


def scales(cells: list[Cell], shared: bool) -> dict[Place, Scale]:
    """The scale of every map: one for all, or each its own."""
    shown = [cell for cell in cells if cell.has_map]
    if shared and shown:
        scale = Scale.of([cell.heat for cell in shown], signed=any(cell.map.signed for cell in shown))
        return {cell.place: scale for cell in shown}
    return {cell.place: Scale.of(cell.heat, signed=cell.map.signed, percentile=cell.map.percentile) for cell in shown}


def drawings(cells: list[Cell], scale: dict[Place, Scale]) -> dict[Place, Drawing]:
    """What is drawn in every cell that has a map; cells of one picture share it."""
    pictures: dict[tuple[str, int], Image.Image] = {}
    drawn = {}
    for cell in cells:
        if cell.place not in scale:
            continue
        view = (cell.answered.model.fingerprint, id(cell.answered.image))
        if view not in pictures:
            pictures[view] = backdrop(cell.view, SIDE)
        drawn[cell.place] = Drawing.of(pictures[view], cell.map, scale[cell.place])
    return drawn


def _encoded(cells: list[Cell], scale: dict[Place, Scale]) -> dict[Place, bytes]:
    """The cells as JPEG files; those that nobody has looked at yet are drawn together."""
    names = {cell.place: ("cell", *cell.key, repr(scale[cell.place])) for cell in cells if cell.place in scale}
    known = {place: result_cache().find(name) for place, name in names.items()}
    missing = drawings([cell for cell in cells if known.get(cell.place, b"") is None], scale)
    fresh = dict(zip(missing, encode_cells([*missing.values()]), strict=True))
    for place in fresh:
        result_cache().get(names[place], partial(fresh.get, place))
    return {place: picture for place, picture in known.items() if picture is not None} | fresh


def show_grid(cells: list[Cell], columns: int, scale: dict[Place, Scale], reference: Cell) -> None:
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
                    st.info(str(cell.attribution), icon=":material/block:")


def _show_cell(cell: Cell, drawn: bytes, scale: Scale, reference: Cell) -> None:
    show_picture(drawn, alt=f"Heat map. {cell.name}")
    st.html(colour_bar_html(scale, COLOURS[scale.kind], "", ticks=3))
    likeness = ex.likeness(cell.ranking, reference.ranking)
    words = "the reference" if cell is reference else f"rank correlation {likeness[0]:.2f}" if likeness else ""
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
    unit_of = {cell.map.method: ex.find_method(cell.map.method).unit for cell in cells if cell.has_map}
    if len(set(unit_of.values())) == 1:
        return f"The numbers are {next(iter(unit_of.values()))}."
    return f"The numbers are {'; '.join(f'of {name} {unit}' for name, unit in unit_of.items())}."


def unlayered(cells: list[Cell]) -> str:
    """Which maps stand under a layer that they do not look at, in a sentence; empty if none does."""
    names = {cell.axis_values["methods"] for cell in cells if cell.has_map and layerless(cell.axis_values)}
    return f"Looking at no layer: {', '.join(sorted(names))}." if names else ""
