"""Grad-CAM and its relatives: where in a layer the evidence for a class lies."""

from dataclasses import replace
from functools import partial

import streamlit as st

import explainers as ex
from explainers.render.charts.attribution import layer_profile_chart
from pages.common.app.address import bound
from pages.common.app.errors import sentences
from pages.common.app.follow_default import follow_default
from pages.common.result.options_form import method_form, method_notes
from pages.common.result.panel import explanation_panel
from pages.common.result.pictures import picture
from pages.common.result.view import view_form
from pages.common.run.explain import explain_with_progress
from pages.common.run.layers import layers_of
from pages.common.run.snippets import explain_code, show_code
from pages.common.sidebar.selection import current_selection

selection = current_selection()

st.title("Grad-CAM")
st.caption("Where in a layer the evidence for a class lies.")

layers = layers_of(selection)
names = [layer.name for layer in layers]

controls, results = st.columns([1, 3], gap="large")
with controls:
    method, options = method_form("cam", selection, "cam", default="grad-cam")
    many = method.anytime  # as many passes for every layer: only those that are asked for
    start = [] if many else ex.stages(layers)
    strip = [] if method.only_layer else bound(
        st.multiselect, "Strip of layers", names, default=start, wrap=True,
        key=follow_default("cam_strip_of_many" if many else "cam_strip", start, names),
        help="Shown from early to late. " + (
            f"{method.title} makes many passes for every layer; add those that are worth the wait." if many
            else "All of them share their passes."
        ),
    )  # fmt: skip
    view = view_form("cam", method.signed)

with results, sentences() as errors:
    attribution = explain_with_progress(selection, method, options)
    title = f"{method.title} at {attribution.layer}"
    explanation_panel(
        selection,
        attribution,
        view,
        explain_code(selection, method, options),
        title,
        about=partial(method_notes, method),
    )

if strip and not errors:
    st.header("From early to late")
    st.caption("Early layers see fine detail and little meaning, late layers the other way round.")
    ordered = [name for name in names if name in strip]
    several = options | {"layer": ordered}
    maps = explain_with_progress(selection, method, several)
    fused, fusing = None, []
    if len(maps) > 1:
        how = bound(
            st.segmented_control, "Fused by", ["mean", "max"] if method.signed else ["mean", "max", "product"], default="mean", required=True,
            key="cam_fused_signed" if method.signed else "cam_fused",
            help="How the strip's maps become one: each scaled to its own range, then the mean, the largest or the product, place "
            "by place. The product (Refine-CAM) keeps the detail of early layers where late ones agree.",
        )  # fmt: skip
        fused, fusing = ex.fuse(maps, how), [f'fused = ex.fuse(maps, how="{how}")']
    columns = st.columns(max(4, len(maps) + (fused is not None)))
    for column, attribution in zip(columns, maps, strict=False):
        with column:
            height, width = attribution.values.shape[-2:]
            picture(selection, attribution, view, f"{attribution.layer} · {height} × {width}", width=280)
    if fused is not None:
        with columns[len(maps)]:
            picture(selection, fused, replace(view, limit=None), f"All of them fused by their {how}", width=280)
    st.altair_chart(layer_profile_chart(maps), alt="Strength of the map at each layer of the strip")
    show_code(explain_code(selection, method, several, *fusing), "The code that makes the strip")
