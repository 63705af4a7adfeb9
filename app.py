"""The door: page config, navigation, sidebar. No computing."""

from pathlib import Path

import streamlit as st

from pages.common.errors import sentences
from pages.common.selection import sidebar
from pages.common.shelves import warm_up

ART = Path(__file__).parent / "docs" / "art"

st.set_page_config(page_title="Vitrine", page_icon=str(ART / "icon.png"), layout="wide")
st.logo(str(ART / "logo.png"), size="large")
warm_up()

page = st.navigation(
    {
        "Why this answer": [
            st.Page("pages/overview.py", title="Overview", icon=":material/visibility:", default=True),
            st.Page("pages/saliency.py", title="Saliency", icon=":material/grain:"),
            st.Page("pages/grad_cam.py", title="Grad-CAM", icon=":material/filter_center_focus:"),
        ],
        "Inside the network": [
            st.Page("pages/weight_stats.py", title="Weight statistics", icon=":material/bar_chart:"),
        ],
    }
)
sidebar()
with sentences():
    page.run()
