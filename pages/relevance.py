"""Relevance: the score handed back layer by layer, and how much of it arrives at the picture."""

from functools import partial

import streamlit as st

import explainers as ex
from pages.common.app.errors import sentences
from pages.common.result.options_form import method_form, method_notes
from pages.common.result.panel import explanation_panel
from pages.common.result.view import view_form
from pages.common.run.explain import explain_with_progress
from pages.common.run.snippets import explain_code
from pages.common.sections.relevance_flow import flow_panel, notes_of
from pages.common.sidebar.selection import current_selection

selection = current_selection()

st.title("Relevance")
st.caption(
    "The score handed back layer by layer, each layer sharing out what it got among its inputs, down to the picture."
)

for note in notes_of(selection.model):
    st.warning(note, icon=":material/rule:")

controls, results = st.columns([1, 3], gap="large")
with controls:
    # One key per kind of network: the rules for one are refused on the other.
    default, box = (
        ("attn-lrp", "method_of_attention")
        if ex.Needs.ATTENTION in selection.model.capabilities
        else ("lrp-epsilon-plus-flat", "method")
    )
    method, options = method_form("relevance", selection, "relevance", default, box)
    view = view_form("relevance", method.signed)
with results, sentences():
    attribution = explain_with_progress(selection, method, options)
    explanation_panel(
        selection, attribution, view, explain_code(selection, method, options), method.title,
        numbers=partial(flow_panel, selection, method, options), about=partial(method_notes, method),
    )  # fmt: skip
