"""The way in: `streamlit run app.py` starts the server and warms it. What a visitor sees is drawn by main.py."""

import streamlit as st

from pages.common.app.start import ROUTES, lifespan

app = st.App("main.py", lifespan=lifespan, routes=ROUTES)
