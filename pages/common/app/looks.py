"""What the theme in .streamlit/config.toml cannot say: visible focus, and words that are legible on every ground."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

STYLES = Path(__file__).with_name("looks.css")


def looks() -> None:
    """Put the styles into the page, where they take no room."""
    st.html(STYLES)
