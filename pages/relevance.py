"""Relevance: the score handed back layer by layer, and how much of it arrives at the picture."""

import streamlit as st

import explainers as ex
from explainers.render.charts.relevance import relevance_flow_chart
from pages.common.app.errors import sentences
from pages.common.result.options_form import method_form, method_notes
from pages.common.result.panel import explanation_panel
from pages.common.result.tables import download_table
from pages.common.result.view import view_form
from pages.common.run.explain import explain_with_progress
from pages.common.run.snippets import explain_code, flow_code
from pages.common.sections.relevance_flow import flow_with_progress, notes_of
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
    explanation_panel(selection, attribution, view, explain_code(selection, method, options), method.title)
    method_notes(method)

    st.subheader("Is the relevance conserved?")
    flow = flow_with_progress(selection, method, options)
    st.markdown(ex.describe_flow(flow))
    st.altair_chart(relevance_flow_chart(flow, title=""), alt="Share of the score at every layer, from output to input")
    st.caption(
        "Only layers that every way from input to output leads through are shown, so that a sum of branches counts once. "
        "Below 100%, biases, epsilon or a softmax have absorbed relevance; a step up is relevance doubled, or negative relevance absorbed."
    )
    with st.expander("The flow as a table", icon=":material/table:"):
        st.dataframe(flow, hide_index=True, alt="Relevance behind every layer, from output to input")
    download_table(flow, f"relevance-flow-{method.name}", flow_code(selection, method, options))
