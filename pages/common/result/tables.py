"""Tables to take away."""

import pandas as pd
import streamlit as st


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
        with st.expander("The code that makes this", icon=":material/code:"):
            st.code(code, language="python")


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """The table with shapes written as people write them, "64 × 3 × 7 × 7"."""
    shapes = [name for name in ("shape", "other_shape") if name in table]
    return table.assign(**{name: table[name].map(_shape) for name in shapes})


def _shape(value: object) -> object:
    return (" × ".join(map(str, value)) or "scalar") if isinstance(value, tuple) else value
