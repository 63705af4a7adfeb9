"""Saliency: which pixels the score is sensitive to, or is made of."""

from functools import partial

import streamlit as st

from pages.common.app.errors import sentences
from pages.common.result.options_form import method_form, method_notes
from pages.common.result.panel import explanation_panel
from pages.common.result.tables import value_charts
from pages.common.result.view import view_form
from pages.common.run.explain import explain_with_progress
from pages.common.run.snippets import explain_code
from pages.common.sidebar.selection import current_selection

selection = current_selection()

st.title("Saliency")
st.caption("Which pixels the score is sensitive to, or is made of: gradients followed down to the picture.")

controls, results = st.columns([1, 3], gap="large")
with controls:
    method, options = method_form("saliency", selection, "saliency", default="integrated-gradients")
    view = view_form("saliency", method.signed)
with results, sentences():
    attribution = explain_with_progress(selection, method, options)
    title = f"{method.title} at {attribution.layer}" if attribution.layer else method.title
    explanation_panel(
        selection, attribution, view, explain_code(selection, method, options), title,
        numbers=partial(value_charts, attribution, "Attribution of one value of the map"), about=partial(method_notes, method),
    )  # fmt: skip
