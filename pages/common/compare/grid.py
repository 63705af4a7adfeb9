"""A grid of maps on a page, each with its colour bar and how alike it is to the reference."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import streamlit as st
from PIL import Image

import explainers as ex
from explainers.render.cells import Drawing, backdrop, encode_cells
from explainers.render.colour_bar import colour_bar_html
from explainers.render.encoding import encode_small
from explainers.render.scale import Scale, own_maps
from explainers.render.style import SHOWN, Style
from pages.common.app import session
from pages.common.app.address import bound
from pages.common.app.caches import result_cache
from pages.common.compare.cells import Cell, Place
from pages.common.compare.questions import layerless
from pages.common.viewer.payload import Seen
from pages.common.viewer.viewer import show, show_controls

SIDE = 220  # px
NARROWEST = 150  # px: two cells stand beside one another on a phone
PER_PAGE = 24  # cells
FEWEST = 3  # columns, lest a single cell fill the page
ORDINARY = Style()


@dataclass(frozen=True)
class Picture:
    """A cell's picture as JPEG files of one size: without and with its map."""

    plain: bytes
    drawn: bytes
    size: tuple[int, int]

    @property
    def nbytes(self) -> int:
        return len(self.plain) + len(self.drawn)


def scales(cells: list[Cell], shared: bool) -> dict[Place, Scale]:
    """The scale of every map: one for all, or each its own."""
    shown = [cell for cell in cells if cell.has_map]
    if shared and shown:
        maps = [own_maps(cell.map)[0] for cell in shown]
        scale = Scale.of(maps, signed=any(cell.map.signed for cell in shown))
        return {cell.place: scale for cell in shown}
    return {cell.place: Scale.of_attribution(cell.map) for cell in shown}


def drawings(cells: list[Cell], scale: dict[Place, Scale], style: Style = ORDINARY) -> dict[Place, Drawing]:
    """What is drawn in every cell that has a map; cells of one picture share it."""
    pictures: dict[tuple[str, int], Image.Image] = {}
    drawn = {}
    for cell in cells:
        if cell.place not in scale:
            continue
        view = (cell.answered.model.fingerprint, id(cell.answered.image))
        if view not in pictures:
            pictures[view] = backdrop(cell.view, SIDE)
        drawn[cell.place] = Drawing.of(pictures[view], cell.map, scale[cell.place], style)
    return drawn


def _encoded(cells: list[Cell], scale: dict[Place, Scale], style: Style) -> dict[Place, Picture]:
    """The cells as JPEG files, picture and map; those that nobody has looked at yet are drawn together."""
    names = {cell.place: ("cell", *cell.key, repr(scale[cell.place]), style) for cell in cells if cell.place in scale}
    known = {place: result_cache().find(name) for place, name in names.items()}
    missing = drawings([cell for cell in cells if known.get(cell.place, b"") is None], scale, style)
    fresh = dict(zip(missing, encode_cells([*missing.values()]), strict=True))
    shared = {id(drawing.picture): drawing.picture for drawing in missing.values()}
    plain = {number: encode_small(picture) for number, picture in shared.items()}
    both = {
        place: Picture(plain[id(drawing.picture)], fresh[place], drawing.picture.size)
        for place, drawing in missing.items()
    }
    for place in both:
        result_cache().get(names[place], partial(both.get, place))
    return {place: picture for place, picture in known.items() if picture is not None} | both


def style_form() -> Style:
    """Choose how the maps of the grid are drawn."""
    shown = bound(
        st.segmented_control, "Shown as", SHOWN, default=SHOWN[0], required=True, key="compare_shown", wrap=True,
        help="Overlay: the stronger a value, the more its colour covers. Contours: lines at 25, 50 and 75 % of each scale. Veil: "
        "colours cover all of the picture alike.",
    )  # fmt: skip
    grey = bound(st.toggle, "Picture in grey", key="compare_grey", help="So that all colour is the map's.")
    return Style(shown=shown, grey=grey)


def show_grid(
    cells: list[Cell], columns: int, scale: dict[Place, Scale], reference: Cell, style: Style = ORDINARY
) -> None:
    """The cells in rows, each with how alike it is to the reference and a button to make it the reference."""
    per_page = max(1, PER_PAGE // columns) * columns
    pages = -(-len(cells) // per_page)
    page = 1
    if pages > 1:
        page = int(bound(st.number_input, f"Part of the grid, 1 to {pages}", 1, pages, 1, 1, key="compare_page"))
    shown = cells[(page - 1) * per_page : page * per_page]
    pictures = _encoded(shown, scale, style)
    show_controls()
    for start in range(0, len(shown), columns):
        # Columns of their own width would stand below one another on a phone.
        row = st.grid(max(FEWEST, columns), min_column_width=NARROWEST)
        for cell in shown[start : start + columns]:
            with row.cell():
                if cell.place in pictures:
                    _show_cell(cell, pictures[cell.place], scale[cell.place], style, reference)
                else:
                    st.caption(f"**{cell.name}**")
                    st.info(str(cell.attribution), icon=":material/block:")


def _show_cell(cell: Cell, picture: Picture, scale: Scale, style: Style, reference: Cell) -> None:
    values, unit = own_maps(cell.map)[0].numpy(), ex.find_method(cell.map.method).unit
    show(Seen(f"Heat map. {cell.name}", picture.plain, picture.drawn, picture.size, values, unit, small=True))
    st.html(colour_bar_html(scale, style, unit, ticks=3, values=values))
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
