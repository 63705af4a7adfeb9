"""Compare: methods, layers, models, targets and inputs beside one another, on one scale."""

import pandas as pd
import streamlit as st

import explainers as ex
from explainers.render.colour_bar import colour_bar_html
from explainers.render.comparison_charts import correlation_chart, deletion_chart
from explainers.render.overlay import Scale, encode_png, overlay
from pages.common.axes import axis
from pages.common.grid import alike, cells_with_progress, code_of, scales, sheet_png, show_grid, table, trial_of
from pages.common.pictures import show_picture
from pages.common.progress import Bar
from pages.common.selection import selection
from pages.common.shelves import result_shelf
from pages.common.tables import download_table
from pages.common.work import duration

chosen = selection()

st.title("Compare")
st.caption("Methods, layers, models, targets and inputs beside one another. What agrees may still be wrong together.")

controls, shown = st.columns([1, 3], gap="large")
with controls:
    rows = axis("Rows", "methods", None, chosen)
    columns = axis("Columns", "layers", rows[0], chosen)
    fixed = {}
    if "methods" not in (rows[0], columns[0]):
        names = [method.name for method in ex.methods(chosen.model)]
        start = names.index("grad-cam") if "grad-cam" in names else 0
        fixed["methods"] = st.selectbox("Method", names, index=start, key="compare_method", bind="query-params")
    shared = st.segmented_control(
        "Colour scale", ["per cell", "shared"], default="per cell", required=True, key="compare_scale", bind="query-params",
        help="Shared: the same colour is the same number in every cell. Methods have different units, so one scale for several "
        "methods leaves some pale.",
    ) == "shared"  # fmt: skip

if not rows[1] or not columns[1]:
    shown.info("Choose at least one value for the rows and one for the columns.")
    st.stop()

with shown:
    cells = cells_with_progress(chosen, rows, columns, fixed)
    if cells is None:
        st.stop()
    maps = {cell.name: cell for cell in cells if isinstance(cell.found, ex.Attribution)}
    if not maps:
        st.error(str(cells[0].found))
        st.stop()
    if st.session_state.get("compare_reference") not in maps:
        st.session_state.pop("compare_reference", None)
    reference = maps[
        st.selectbox(
            "Reference",
            list(maps),
            key="compare_reference",
            bind="query-params",
            help="The cell that all others are compared with.",
        )
    ]
    scale = scales(cells, shared)
    said = (
        "One scale for all: the same colour is the same number."
        if shared
        else "Every cell has its own scale: colours cannot be compared between cells."
    )
    st.caption(said)
    show_grid(cells, len(columns[1]), scale, reference)

    numbers = table(cells, reference)
    title = f"{chosen.model.name}: {rows[0]} by {columns[0]}"
    with st.container(horizontal=True):
        st.download_button(
            "PNG", lambda: sheet_png(cells, rows[1], columns[1], scale, title, said), "vitrine-compare.png", "image/png",
            icon=":material/download:", on_click="ignore", key="compare_png", help="The whole grid on one sheet",
        )  # fmt: skip
        download_table(numbers, "compare")

    st.subheader("Difference of two maps")
    left, right = st.columns(2)
    names = list(maps)
    one = maps[left.selectbox("This map", names, key="compare_a", bind="query-params")]
    other = maps[
        right.selectbox("minus this one", names, index=min(1, len(names) - 1), key="compare_b", bind="query-params")
    ]
    try:
        gap = ex.difference(one.found, other.found)
    except ex.VitrineError as error:
        st.info(str(error))
    else:
        same = one.found.method == other.found.method
        gap_scale = Scale.of(gap, signed=True)
        drawn, words = st.columns(2)
        with drawn:
            image = chosen.enlarged(440)
            show_picture(
                encode_png(overlay(image, gap, gap_scale, "blue-red", 0.6)),
                alt=f"Difference: {one.name} minus {other.name}",
            )
            st.html(
                colour_bar_html(
                    gap_scale, "blue-red", "units of the map" if same else "shares of each map's largest value", ticks=5
                )
            )
        correlation, overlap = alike(one, other)
        words.markdown(
            f"Red: **{one.name}** is stronger; blue: **{other.name}** is. "
            + (
                "Both are in the unit of their method."
                if same
                else "Two methods have two units, so each map was divided by its largest absolute value first."
            )
            + (
                f" Their rank correlation is {correlation:.2f}; their strongest tenths overlap by {overlap:.0%}."
                if correlation is not None
                else ""
            )
        )

    st.subheader("Rank correlation")
    found = [cell.found for cell in maps.values()]
    matrix = result_shelf().get(
        ("matrix", *(cell.key for cell in maps.values())), lambda: ex.rank_correlations(found, names)
    )
    st.altair_chart(correlation_chart(matrix), alt="Rank correlation of every pair of maps")
    with st.expander("Rank correlations as a table", icon=":material/table:"):
        st.dataframe(
            matrix.pivot(index="row", columns="column", values="correlation"),
            alt="Rank correlation of every pair of maps",
        )

    st.subheader("All maps in numbers")
    fitting = {
        check.title: check
        for cell in maps.values()
        for check in ex.checks(cell.question.model, cell.found)
        if not check.quick
    }
    titles = st.multiselect(
        "Checks",
        list(fitting),
        [title for title in ("Deletion",) if title in fitting],
        key="compare_checks",
        bind="query-params",
    )
    trials = {name: trial_of(chosen, cell) for name, cell in maps.items()}
    work = [
        (name, fitting[title].name)
        for title in titles
        for name, trial in trials.items()
        if fitting[title].fits(trial.chosen.model, trial.result)
    ]
    missing = [(name, check) for name, check in work if trials[name].found(check, {}) is None]
    if missing:
        prices = [trials[name].price(check, {}) for name, check in missing]
        words = f"{sum(p.forward for p in prices):,} forward and {sum(p.backward for p in prices):,} backward passes, about {duration(sum(p.seconds for p in prices))}"
        st.button(
            f"Check all maps: {words}",
            key="compare_check",
            icon=":material/fact_check:",
            on_click=lambda: st.session_state.update(_compare_checked=(tuple(names), tuple(titles))),
        )
        if st.session_state.get("_compare_checked") == (tuple(names), tuple(titles)):
            bar = Bar(st.empty(), "Checks")
            for place, (name, check) in enumerate(missing):
                bar(place / len(missing), name)
                trials[name].verdict(check)
            bar.clear()
            st.rerun()
    verdicts = {(name, check): trials[name].found(check, {}) for name, check in work}
    for title in titles:
        check = fitting[title].name
        values = {
            name: made[check].value for (name, which), made in verdicts.items() if which == check and made is not None
        }
        if values:
            numbers[title] = numbers["map"].map(values)
    curves = [
        made["deletion"].table.query("order == 'map'").set_axis(["order", "covered", "value"], axis=1).assign(map=name)
        for (name, check), made in verdicts.items()
        if check == "deletion" and made is not None
    ]
    if curves:
        st.altair_chart(
            deletion_chart(pd.concat(curves)), alt="The score while the strongest pixels of every map are covered"
        )
    st.dataframe(numbers, hide_index=True, alt="Every map with what it took and what was found of it")
    with st.expander("The code that makes this", icon=":material/code:"):
        st.code(code_of(chosen, cells), language="python")
