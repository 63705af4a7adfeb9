"""Compare: methods, layers, models, targets and inputs beside one another, on one scale."""

import streamlit as st

import explainers as ex
from pages.common.app.address import bound
from pages.common.app.errors import sentences
from pages.common.app.follow_default import follow_default
from pages.common.compare.axes import axis, options_forms
from pages.common.compare.cells import cells_with_progress
from pages.common.compare.downloads import sheet_png, table
from pages.common.compare.grid import scales, show_grid, style_form, units, unlayered
from pages.common.compare.panels import checks_panel, correlation_panel, difference_panel
from pages.common.compare.questions import comparison_code
from pages.common.result.tables import download_table
from pages.common.run.snippets import show_code
from pages.common.run.words import options_in_words
from pages.common.sidebar.selection import current_selection

selection = current_selection()

st.title("Compare")
st.caption("Methods, layers, models, targets and inputs beside one another. What agrees may still be wrong together.")

controls, results = st.columns([1, 3], gap="large")
with controls:
    rows = axis("Rows", "methods", None, selection)
    columns = axis("Columns", "targets", rows[0], selection)
    fixed = {}
    if "methods" not in (rows[0], columns[0]):
        names = [method.name for method in ex.methods(selection.model)]
        start = names.index("grad-cam") if "grad-cam" in names else 0
        key = follow_default("compare_method", names[start])
        fixed["methods"] = bound(st.selectbox, "Method", names, index=start, key=key)
    methods = next((values for kind, values in (rows, columns) if kind == "methods"), [*fixed.values()])
    options = options_forms(methods, selection)
    shared = bound(
        st.segmented_control, "Colour scale", ["per cell", "shared"], default="per cell", required=True, key="compare_scale",
        help="Shared: the same colour is the same number in every cell. Methods have different units, so one scale for several "
        "methods leaves some pale.",
    ) == "shared"  # fmt: skip
    style = style_form()

if not rows[1] or not columns[1]:
    results.info("Choose at least one value for the rows and one for the columns.")
    st.stop()

with results, sentences():
    cells = cells_with_progress(selection, rows, columns, fixed, options)
    maps = {cell.name: cell for cell in cells if cell.has_map}
    if not maps:
        st.error(str(cells[0].attribution))
        st.stop()
    reference = maps[
        bound(
            st.selectbox,
            "Reference",
            list(maps),
            key=follow_default("compare_reference", next(iter(maps))),
            help="The cell that all others are compared with.",
        )
    ]
    scale = scales(cells, shared)
    about_the_scale = (
        "One scale for all: the same colour is the same number."
        if shared
        else "Every cell has its own scale: colours cannot be compared between cells."
    )
    caption = f"{about_the_scale} {units(cells)} {unlayered(cells)}".rstrip()
    st.caption(caption)
    show_grid(cells, len(columns[1]), scale, reference, style)

    numbers = table(cells, reference)
    notes = [
        caption,
        *(
            f"{ex.find_method(name).title}: {options_in_words(differs)}."
            for name, differs in options.items()
            if differs
        ),
    ]
    with st.container(horizontal=True):
        st.download_button(
            "PNG", lambda: sheet_png(selection, cells, rows, columns, scale, style, notes), "vitrine-compare.png", "image/png",
            icon=":material/download:", on_click="ignore", key="compare_png", help="The whole grid on one sheet",
        )  # fmt: skip
        download_table(numbers, "compare")

    if len(maps) > 1:
        difference_panel(maps)
        correlation_panel(maps)
    checks_panel(maps, numbers)
    show_code(comparison_code(selection, [(cell.axis_values, cell.question) for cell in cells]))
