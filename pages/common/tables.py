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
