"""What is said below a grid of maps: the difference of two, how alike all are, and the checks of each."""

from __future__ import annotations

import pandas as pd
import streamlit as st

import explainers as ex
from explainers.render.cells import COLOURS, Drawing, backdrop
from explainers.render.charts.comparison import correlation_chart, deletion_chart
from explainers.render.colour_bar import colour_bar_html
from explainers.render.encoding import encode_photo
from explainers.render.overlay import Scale
from pages.common.app.caches import result_cache
from pages.common.app.follow_default import follow_default
from pages.common.app.images import show_picture
from pages.common.app.progress import progress_bar
from pages.common.app.selection import Selection, short_hash
from pages.common.compare.grid import Cell
from pages.common.result.verdict import MapChecks
from pages.common.run.explain import duration, passes_in_words

SIDE = 440  # px


BESIDE = 4  # the place of the checks among the columns, after what is found of a map without them


Made = dict[tuple[str, str], ex.Verdict]
"""(name of the map, name of the check) -> what was found."""


def difference_panel(maps: dict[str, Cell]) -> None:
    """One map minus another, in colours and in words."""
    st.subheader("Difference of two maps")
    left, right = st.columns(2)
    names = list(maps)
    one = maps[left.selectbox("This map", names, key=follow_default("compare_a", names[0]), bind="query-params")]
    second = min(1, len(names) - 1)
    key = follow_default("compare_b", names[second])
    other = maps[right.selectbox("minus this one", names, index=second, key=key, bind="query-params")]
    a, b = one.found, other.found
    assert isinstance(a, ex.Attribution)
    assert isinstance(b, ex.Attribution)
    try:
        gap = ex.difference(a, b)
    except ex.VitrineError as error:
        st.info(str(error))
        return
    same, scale = a.method == b.method, Scale.of(gap, signed=True)
    left, right = st.columns(2)
    with left:
        drawn = result_cache().get(
            ("difference", *one.key, *other.key),
            lambda: encode_photo(Drawing(backdrop(one.view, SIDE), gap, scale).drawn()),
        )
        show_picture(drawn, alt=f"Difference: {one.name} minus {other.name}")
        unit = ex.find_method(a.method).unit if same else "shares of each map's largest value"
        st.html(colour_bar_html(scale, COLOURS[scale.kind], unit, ticks=5))
    alike = ex.likeness(one.ranking, other.ranking)
    said = [
        f"Red: **{one.name}** is stronger; blue: **{other.name}** is.",
        "Both are in the unit of their method."
        if same
        else "Two methods have two units, so each map was divided by its largest absolute value first.",
    ]
    if alike:
        said.append(f"Their rank correlation is {alike[0]:.2f}; their strongest tenths overlap by {alike[1]:.0%}.")
    right.markdown(" ".join(said))


def correlation_panel(maps: dict[str, Cell]) -> None:
    """How alike all maps are, as a matrix."""
    st.subheader("Rank correlation")
    found = [cell.ranking for cell in maps.values()]
    key = ("matrix", *((name, *cell.key) for name, cell in maps.items()))
    matrix: pd.DataFrame = result_cache().get(key, lambda: ex.rank_correlations(found, list(maps)))
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
    st.subheader("All maps in numbers")
    trials = {name: _trial(cell) for name, cell in maps.items()}
    fitting = {
        check.title: check
        for trial in trials.values() for check in ex.checks(trial.selection.model, trial.result) if not check.quick
    }  # fmt: skip
    first = [title for title in ("Deletion",) if title in fitting]
    key = follow_default("compare_checks", first, fitting)
    titles = st.multiselect("Checks", list(fitting), first, key=key, bind="query-params")
    work = [
        (name, fitting[title].name)
        for title in titles for name, trial in trials.items() if fitting[title].fits(trial.selection.model, trial.result)
    ]  # fmt: skip
    made = _made(trials, work)
    for title in titles:
        check = fitting[title].name
        values = {name: verdict[check].value for (name, which), verdict in made.items() if which == check}
        if values:
            numbers.insert(BESIDE, title, numbers["map"].map(values))
    tables = {name: verdict[check].table for (name, check), verdict in made.items() if check == "deletion"}
    curves = [_curve(name, table) for name, table in tables.items() if table is not None]
    if curves:
        words = "The score while the strongest pixels of every map are covered"
        st.altair_chart(deletion_chart(pd.concat(curves)), alt=words)
    st.dataframe(numbers, hide_index=True, alt="Every map with what it took and what was found of it")
    st.caption("Passes that several maps share are counted once, with the first of them.")


def _made(trials: dict[str, MapChecks], work: list[tuple[str, str]]) -> Made:
    """What has been found; what has not is offered at a click that says what it takes."""
    missing = [(name, check) for name, check in work if trials[name].found(check, {}) is None]
    # Whoever agrees to the checks of some maps has not agreed to those of the next model, picture or options.
    asked = f"_asked_{short_hash([trials[name].key(check, {}) for name, check in work])}"
    if missing and not st.session_state.get(asked):
        prices = [trials[name].price(check, {}) for name, check in missing]
        forward, backward = sum(p.forward for p in prices), sum(p.backward for p in prices)
        words = f"Check all maps: about {duration(sum(p.seconds for p in prices))}"
        st.button(words, key="compare_check", icon=":material/fact_check:", on_click=_ask, args=(asked,))
        st.caption(f"{passes_in_words(forward, backward)}.")
    elif missing:
        with progress_bar("Checks") as bar:
            for place, (name, check) in enumerate(missing):
                bar(place / len(missing), name)
                trials[name].verdict(check)
    found = {(name, check): trials[name].found(check, {}) for name, check in work}
    return {place: verdict for place, verdict in found.items() if verdict is not None}


def _ask(name: str) -> None:
    st.session_state[name] = True


def _curve(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """The deletion curve of one map: covered, value, map."""
    own = table[table["order"] == "map"].set_axis(["order", "covered", "value"], axis=1)
    return own.drop(columns="order").assign(map=name)


def _trial(cell: Cell) -> MapChecks:
    """The checks of one cell's map."""
    found = cell.found
    assert isinstance(found, ex.Attribution)
    key = (found.model_fingerprint, found.input_fingerprint, repr(found.target))
    about = Selection(cell.question.model, cell.question.image, found.target, "", "", "", key)
    return MapChecks(about, found)
