"""Attention: where the tokens of a transformer look, head by head and through all layers."""

from functools import partial

import streamlit as st

import explainers as ex
from explainers.render.charts.attention import attention_distance_chart
from pages.common.app.address import bound
from pages.common.app.errors import sentences
from pages.common.app.follow_default import follow_default
from pages.common.result.options_form import method_form, method_notes
from pages.common.result.panel import explanation_panel
from pages.common.result.tables import download_table
from pages.common.result.view import view_form
from pages.common.run.explain import explain_with_progress
from pages.common.run.snippets import explain_code, heads_code
from pages.common.sections.attention_heads import heads_grid, heads_with_progress
from pages.common.sidebar.remedies import offer_models
from pages.common.sidebar.selection import current_selection

selection = current_selection()

st.title("Attention")
st.caption("Where the tokens of a transformer look, head by head and through all layers.")

if ex.Needs.ATTENTION not in selection.model.capabilities:
    st.info(
        f"{selection.model.name} has no attention to look at: it is no transformer. Of the bundled models demo:signs-vit is "
        "one, of torchvision's those whose names begin with vit or swin.",
        icon=":material/hub:",
    )
    offer_models(["demo:signs-vit", "torchvision:vit_b_16"])
    st.stop()

heads = heads_with_progress(selection)
layers = [f"{index} · {name}" for index, name in enumerate(heads.names)]
last = len(layers) - 1

controls, results = st.columns([1, 3], gap="large")
with controls:
    default = "transformer-attribution" if heads.whole else "attention"
    method, options = method_form("attention", selection, "attention", default)
    if method.name == "attention":
        key = follow_default("attention_block", layers[last])
        block = layers.index(bound(st.selectbox, "Layer", layers, index=last, key=key, help="From 0."))
        names = ["mean of all", *map(str, range(len(heads.maps[block])))]
        head = bound(st.selectbox, "Head", names, key="attention_head", help="From 0.")
        options |= {"block": block} if block != last else {}
        options |= {"head": int(head)} if head != names[0] else {}
    view = view_form("attention", method.signed)

with results, sentences():
    attribution = explain_with_progress(selection, method, options)
    code = explain_code(selection, method, options)
    explanation_panel(selection, attribution, view, code, method.title, about=partial(method_notes, method))

st.header("The heads of one layer")
st.caption(
    "What the tokens that the network's head reads attend to, for each attention head, and how far the tokens look on average. "
    "In windows: how much attention each place gets on average."
)
key = follow_default("attention_layer", layers[last])
layer = bound(st.selectbox, "Layer shown", layers, index=last, key=key)
heads_grid(selection, heads, layers.index(layer), view)

st.header("How far the heads look")
st.altair_chart(attention_distance_chart(heads.distances), alt="Mean attention distance of every head, layer by layer")
st.caption(
    "Mean distance in pixels of the model's input between a patch and those it attends to, weighted by attention: small means "
    "local, as in a convolution (Dosovitskiy et al. 2020, arXiv:2010.11929). A head that looks everywhere alike is far, too."
)
with st.expander("Distances as a table", icon=":material/table:"):
    st.dataframe(heads.distances, hide_index=True, height=240, alt="Mean attention distance of every head")
download_table(heads.distances, f"heads-{selection.model.fingerprint}", heads_code(selection))
