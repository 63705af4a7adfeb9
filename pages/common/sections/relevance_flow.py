"""What the relevance page asks of the library besides the map, kept between reruns."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

import explainers as ex
from explainers.render.charts.relevance import relevance_flow_chart
from pages.common.app.caches import result_cache
from pages.common.app.errors import sentences
from pages.common.app.selection import Selection
from pages.common.result.tables import download_table
from pages.common.run.long_work import result_of
from pages.common.run.snippets import flow_code


def notes_of(model: ex.Model) -> list[str]:
    """`ex.relevance_notes` of the model, computed once."""
    notes: list[str] = result_cache().get(("relevance notes", model.fingerprint), lambda: ex.relevance_notes(model))
    return notes


def flow_with_progress(selection: Selection, method: ex.Method, options: dict[str, Any]) -> pd.DataFrame:
    """`ex.relevance_flow` for what the sidebar chose."""
    key = ("flow", *selection.key, method.name, repr(sorted(options.items())))
    # Two passes, and one back: nothing to wait for by itself.
    return result_of(
        "Conservation",
        key,
        lambda bar: ex.relevance_flow(
            selection.model, selection.image, selection.target, method.name, progress=bar, **options
        ),
    )


def flow_panel(selection: Selection, method: ex.Method, options: dict[str, Any]) -> None:
    """How much relevance every layer keeps, in a sentence, a chart and a table."""
    st.header("Is the relevance conserved?")
    with sentences():  # where it was stopped, or fails, the map stands all the same
        _show_flow(selection, method, options)


def _show_flow(selection: Selection, method: ex.Method, options: dict[str, Any]) -> None:
    flow = flow_with_progress(selection, method, options)
    st.markdown(ex.describe_flow(flow))
    st.altair_chart(relevance_flow_chart(flow, title=""), alt="Share of the score at every layer, from output to input")
    st.caption(
        "Only layers that every way from input to output leads through are shown, so that a sum of branches counts once. "
        "Below 100%, biases, epsilon or a softmax have absorbed relevance; a step up is relevance doubled, or negative relevance absorbed."
    )
    with st.expander("The flow as a table", icon=":material/table:"):
        st.dataframe(flow, hide_index=True, alt="Relevance behind every layer, from output to input")
    download_table(flow, f"relevance-flow-{method.name}", flow_code(selection, method, options))
