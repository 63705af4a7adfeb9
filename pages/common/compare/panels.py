"""What is said below a grid of maps: the difference of two, how alike all are, and the checks of each."""

from __future__ import annotations

import pandas as pd
import streamlit as st

import explainers as ex
from explainers.render.cells import Drawing, backdrop
from explainers.render.charts.comparison import correlation_chart, deletion_chart
from explainers.render.colour_bar import colour_bar_html
from explainers.render.encoding import encode_photo
from explainers.render.scale import Scale
from pages.common.app.address import bound
from pages.common.app.caches import result_cache
from pages.common.app.follow_default import follow_default
from pages.common.app.images import show_picture
from pages.common.app.progress import progress_bar
from pages.common.app.selection import Selection, short_hash
from pages.common.compare.cells import Cell
from pages.common.result.map_checks import MapChecks
from pages.common.run.confirm import Offer, confirmed

SIDE = 440  # px
BESIDE = 4  # the place of the checks among the columns, after what is found of a map without them

Verdicts = dict[tuple[str, str], ex.Verdict]
"""By name of the map and name of the check."""


def difference_panel(maps: dict[str, Cell]) -> None:
    """One map minus another, in colours and in words."""
    st.header("Difference of two maps")
    left, right = st.columns(2)
    names = list(maps)
    first = maps[bound(left.selectbox, "This map", names, key=follow_default("compare_a", names[0]))]
    index = min(1, len(names) - 1)
    key = follow_default("compare_b", names[index])
    second = maps[bound(right.selectbox, "minus this one", names, index=index, key=key)]
    minuend, subtrahend = first.map, second.map
    try:
        difference = ex.difference(minuend, subtrahend)
    except ex.VitrineError as error:
        st.info(str(error))
        return
    same_method, scale = minuend.method == subtrahend.method, Scale.of(difference, signed=True)
    left, right = st.columns(2)
    with left:
        drawn = result_cache().get(
            ("difference", *first.key, *second.key),
            lambda: encode_photo(Drawing(backdrop(first.view, SIDE), difference, scale).drawn()),
        )
        show_picture(drawn, alt=f"Difference: {first.name} minus {second.name}")
        unit = ex.find_method(minuend.method).unit if same_method else "shares of each map's largest value"
        st.html(colour_bar_html(scale, unit=unit, values=difference))
    likeness = ex.likeness(first.ranking, second.ranking)
    sentences = [
        f"Orange: **{first.name}** is stronger; blue: **{second.name}** is.",
        "Both are in the unit of their method."
        if same_method
        else "Two methods have two units, so each map was divided by its largest absolute value first.",
    ]
    if likeness:
        correlation, overlap = likeness
        sentences.append(
            f"Their rank correlation is {correlation:.2f}; their strongest tenths overlap by {overlap:.0%}."
        )
    right.markdown(" ".join(sentences))


def correlation_panel(maps: dict[str, Cell]) -> None:
    """How alike all maps are, as a matrix."""
    st.header("Rank correlation")
    rankings = [cell.ranking for cell in maps.values()]
    key = ("matrix", *((name, *cell.key) for name, cell in maps.items()))
    matrix: pd.DataFrame = result_cache().get(key, lambda: ex.rank_correlations(rankings, list(maps)))
    chart = result_cache().get(("chart", *key), lambda: correlation_chart(matrix))
    st.altair_chart(chart, alt="Rank correlation of every pair of maps")
    with st.expander("Rank correlations as a table", icon=":material/table:"):
        square = matrix.pivot(index="row", columns="column", values="correlation").loc[list(maps), list(maps)]
        st.dataframe(square, alt="Rank correlation of every pair of maps")


def checks_panel(maps: dict[str, Cell], numbers: pd.DataFrame) -> None:
    """All maps in numbers, and the checks of each at a click.

    Args:
        numbers: a row per map, under "map"; the checks are added to it.
    """
    st.header("All maps in numbers")
    checks_of = {name: _checks_of(cell) for name, cell in maps.items()}
    fitting = {
        check.title: check
        for checks in checks_of.values() for check in ex.checks(checks.selection.model, checks.attribution) if not check.quick
    }  # fmt: skip
    first = [title for title in ("Deletion",) if title in fitting]
    key = follow_default("compare_checks", first, fitting)
    titles = bound(st.multiselect, "Checks", list(fitting), first, key=key)
    work = [
        (name, fitting[title].name)
        for title in titles for name, checks in checks_of.items()
        if fitting[title].fits(checks.selection.model, checks.attribution)
    ]  # fmt: skip
    verdicts = _confirmed_verdicts(checks_of, work)
    for title in titles:
        check = fitting[title].name
        values = {name: verdict[check].value for (name, which), verdict in verdicts.items() if which == check}
        if values:
            numbers.insert(BESIDE, title, numbers["map"].map(values))
    tables = {name: verdict[check].table for (name, check), verdict in verdicts.items() if check == "deletion"}
    curves = [_curve(name, table) for name, table in tables.items() if table is not None]
    if curves:
        words = "The score while the strongest pixels of every map are covered"
        st.altair_chart(deletion_chart(pd.concat(curves)), alt=words)
    st.dataframe(numbers, hide_index=True, alt="Every map with what it took and what was found of it")
    st.caption("Passes that several maps share are counted once, with the first of them.")


def _confirmed_verdicts(checks_of: dict[str, MapChecks], work: list[tuple[str, str]]) -> Verdicts:
    """What is known; what is not is offered at a click that says what it takes."""
    missing = [(name, check) for name, check in work if checks_of[name].known(check, {}) is None]
    key = short_hash([checks_of[name].key(check, {}) for name, check in work])
    offer = Offer("Check all maps: about {time}", ":material/fact_check:", "secondary", "compare_check", unasked=False)
    if missing and confirmed(key, lambda: [checks_of[name].price(check, {}) for name, check in missing], offer):
        with progress_bar("Checks") as bar:
            for place, (name, check) in enumerate(missing):
                bar(place / len(missing), name)
                checks_of[name].verdict(check)
    known = {(name, check): checks_of[name].known(check, {}) for name, check in work}
    return {place: verdict for place, verdict in known.items() if verdict is not None}


def _curve(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """The deletion curve of one map: covered, value, map."""
    own = table[table["order"] == "map"].set_axis(["order", "covered", "value"], axis=1)
    return own.drop(columns="order").assign(map=name)


def _checks_of(cell: Cell) -> MapChecks:
    """The checks of one cell's map."""
    attribution, question = cell.map, cell.answered
    key = (attribution.model_fingerprint, attribution.input_fingerprint, repr(attribution.target))
    selection = Selection(question.model, question.image, attribution.target, "", "", "", key)
    return MapChecks(selection, attribution)
