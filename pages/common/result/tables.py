"""Tables on a page: of a map's values, and any to take away."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

import explainers as ex
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


def strongest(values: np.ndarray, count: int) -> pd.DataFrame:
    """The largest absolute values of a map (h, w) with their places."""
    order = np.argsort(-np.abs(values), axis=None)[:count]
    rows, columns = np.unravel_index(order, values.shape)
    return pd.DataFrame({"row": rows, "column": columns, "value": values[rows, columns]})
