"""The pages and their order; and the way in for somebody who opens one of them directly."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from pages.common.app import session
from pages.common.app.images import in_place

ART = Path(__file__).parents[2] / "art"


WITHOUT_SIDEBAR = frozenset({"story"})
"""Addresses of pages that ask for no model, picture or target."""


def navigation() -> StreamlitPage:
    """Name the app and declare every page; returns the one asked for."""
    # A picture of our own: an icon of Streamlit's would be fetched from the internet.
    st.set_page_config(page_title="Vitrine", page_icon=in_place((ART / "icon.png").read_bytes()), layout="wide")
    st.logo(in_place((ART / "logo.png").read_bytes()), size="large")
    return st.navigation(
        {
            "Why this answer": [
                st.Page("pages/overview.py", title="Overview", icon=":material/visibility:", default=True),
                st.Page("pages/saliency.py", title="Saliency", icon=":material/grain:"),
                st.Page("pages/grad_cam.py", title="Grad-CAM", icon=":material/filter_center_focus:"),
                st.Page("pages/perturbation.py", title="Perturbation", icon=":material/grid_on:"),
                st.Page("pages/relevance.py", title="Relevance", icon=":material/water_drop:"),
                st.Page("pages/attention.py", title="Attention", icon=":material/hub:"),
            ],
            "Compare and tell": [
                st.Page("pages/compare.py", title="Compare", icon=":material/compare:"),
                st.Page("pages/story.py", title="A story", icon=":material/auto_stories:"),
            ],
            "Inside the network": [
                st.Page("pages/weight_stats.py", title="Weight statistics", icon=":material/bar_chart:"),
            ],
        },
        position="top",
    )


def has_sidebar(page: StreamlitPage) -> bool:
    """Whether a page is about the model, the picture and the target of the sidebar."""
    return page.url_path not in WITHOUT_SIDEBAR


def opened() -> None:
    """Mark that main.py runs, for the page that it is about to run."""
    session.OPENED.set(True)


def come_in_by_the_door() -> None:
    """Start again from main.py if this page was run without it.

    Until a process's first call of st.navigation, Streamlit takes a folder called pages for its older kind of app, and runs that
    page's script alone. The server that app.py starts has made that call before its first visitor comes; `streamlit run main.py`
    has not, nor has Streamlit's AppTest, which begins every run of the script as if it were the first.
    """
    if not session.OPENED.take():
        navigation()
        st.rerun()
