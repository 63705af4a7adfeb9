"""Perturbation: hide a part of the picture and see how the score answers."""

from functools import partial

import streamlit as st

from pages.common.app.errors import sentences
from pages.common.result.live_map import refine_with_progress
from pages.common.result.options_form import method_form, method_notes
from pages.common.result.panel import certainty, explanation_panel
from pages.common.result.pictures import regions_picture
from pages.common.result.tables import value_charts
from pages.common.result.view import view_form
from pages.common.run.snippets import explain_code
from pages.common.sidebar.selection import current_selection

selection = current_selection()

st.title("Perturbation")
st.caption(
    "Hide a part of the picture and see how the score answers. Only scores are read, so this works on any model."
)

controls, results = st.columns([1, 3], gap="large")
with controls:
    method, options = method_form("perturbation", selection, "perturbation", default="occlusion")
    view = view_form("perturbation", method.signed)
    regions_picture(selection, method, options)
with results, sentences():
    attribution = refine_with_progress(selection, method, options, view)

    def numbers() -> None:
        certainty(selection, attribution, view)
        value_charts(attribution, "Attribution of one pixel or cell")

    explanation_panel(
        selection, attribution, view, explain_code(selection, method, options), method.title,
        numbers=numbers, about=partial(method_notes, method),
    )  # fmt: skip
