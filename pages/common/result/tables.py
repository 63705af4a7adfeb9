"""Tables and charts on a page: of a map's values, and tables to take away."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

import explainers as ex
from explainers.render.charts.attribution import completeness_chart, value_histogram
from pages.common.result.view import View
from pages.common.run.snippets import show_code


def download_table(table: pd.DataFrame, name: str, code: str | None = None) -> None:
    """A button for the table as CSV, and the code that makes it."""
    st.download_button(
        "CSV",
        lambda: table.to_csv(index=False),
        f"vitrine-{name}.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
        key=f"download_{name}",
    )
    if code is not None:
        show_code(code)


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """The table with shapes written as people write them, "64 × 3 × 7 × 7"."""
    shapes = [name for name in ("shape", "other_shape") if name in table]
    return table.assign(**{name: table[name].map(_shape) for name in shapes})


def _shape(value: object) -> object:
    return (" × ".join(map(str, value)) or "scalar") if isinstance(value, tuple) else value


def map_table(attribution: ex.Attribution, view: View) -> None:
    """The map's numbers, strongest first, at its own resolution."""
    with st.expander("Numbers as a table", icon=":material/table:"):
        own = (attribution.values.shape[-2], attribution.values.shape[-1])
        table = strongest(view.maps(attribution, own)[0], 500)
        st.caption(
            f"{own[0]} × {own[1]} cells at the map's own resolution; the {len(table)} strongest, rows and columns from 0."
        )
        st.dataframe(table, hide_index=True, height=240, alt="Values of the map, strongest first")


def value_charts(attribution: ex.Attribution, unit: str) -> None:
    """Whether a map adds up, where its method promises that, and how its values are spread.

    Args:
        unit: what one of the values is, for the axis.
    """
    if attribution.completeness is not None:
        st.header("Does it add up?")
        words = "Sum of the map beside the change of the score"
        st.altair_chart(completeness_chart(attribution.completeness), alt=words)
    st.header("How the values are spread")
    histogram = value_histogram(attribution.values[0], unit=unit, log_counts=True)
    st.altair_chart(histogram, alt="Histogram of the map's values")


def strongest(values: np.ndarray, count: int) -> pd.DataFrame:
    """The largest absolute values of a map (h, w) with their places."""
    order = np.argsort(-np.abs(values), axis=None)[:count]
    rows, columns = np.unravel_index(order, values.shape)
    return pd.DataFrame({"row": rows, "column": columns, "value": values[rows, columns]})
