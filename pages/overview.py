"""The opening page: a picture, what the model sees in it, and where the evidence lies."""

from collections import Counter

import streamlit as st

import explainers as ex
from explainers.render.bars import bars_html
from pages.common.app.errors import sentences
from pages.common.app.images import batched
from pages.common.app.selection import predicted
from pages.common.result.conclusions import answer_conclusion, map_conclusion
from pages.common.result.map_checks import MapChecks
from pages.common.result.pictures import original, picture
from pages.common.result.view import View
from pages.common.run.explain import explain_with_progress
from pages.common.run.snippets import explain_code
from pages.common.sidebar.selection import current_selection

selection = current_selection()
prediction = predicted(selection.model, selection.image, selection.key[1])
label, _, probability = prediction.top(1)[0]
top = prediction.top(5)

st.title("Why this answer?")
st.caption("A picture, what the model sees in it, and where in the picture the evidence lies.")

scene, answer, evidence = st.columns(3, gap="medium")
with scene:
    st.header("The picture")
    original(selection)
    st.caption(f"As {selection.model.name} sees it: cut and scaled to its input.")
with answer:
    st.header("What the model sees")
    st.markdown(f"First answer: **{label}**, with a probability of **{probability:.1%}**.")
    names, shares = [name for name, _, _ in top], [share for _, _, share in top]
    st.html(bars_html(names, shares, "Probabilities of the five most probable classes", highlighted=0))
    st.caption("A high probability is no proof of a good reason: look where the evidence lies.")
with evidence, sentences() as errors:
    st.header("Where the evidence lies")
    # On a transformer Grad-CAM misses the sign in a quarter of the drawn scenes, see docs/truth.md.
    method = ex.find_method("attn-lrp" if ex.Needs.ATTENTION in selection.model.capabilities else "grad-cam")
    attribution = explain_with_progress(selection, method, {})
    target = attribution.target.describe(selection.model.labels)
    where = f"{method.title} at {attribution.layer}" if attribution.layer else method.title
    caption = f"{where}: the map highlights what raises the score of {target}."
    picture(selection, attribution, View(), caption)

conclusions = st.columns(2, gap="medium")
st.header("Look closer")
counts = Counter(method.family for method in ex.methods(selection.model))
for row in batched(
    [
        (
            "saliency",
            f"Which pixels the score is made of, by {counts['saliency']} methods, and whether the map adds up.",
        ),
        ("grad_cam", f"The same question asked of any layer, from early to late, by {counts['cam']} methods."),
        ("perturbation", f"How the score answers to hiding parts of the picture, by {counts['perturbation']} methods."),
        ("attention", "Where a transformer's tokens look: every head, and how attention adds up over the layers."),
        ("relevance", "The score handed back layer by layer, and how much of it is lost or doubled on the way."),
        ("compare", "Methods, layers, models, targets and pictures beside one another, and how far they agree."),
        ("story", "Right for the wrong reason: three short steps with a network that learnt a sticker."),
        ("weight_stats", "The network itself: every weight tensor in numbers, and what looks unhealthy."),
    ],
    4,
):
    for column, (page, caption) in zip(st.columns(4, gap="medium"), row, strict=True):
        with column.container(border=True, height="stretch"):
            st.page_link(f"pages/{page}.py")
            st.caption(caption)

# The pictures stand before anything is asked about them.
if not errors:
    with conclusions[0], sentences():
        map_conclusion(MapChecks(selection, attribution))
    with conclusions[1], sentences():
        answer_conclusion(selection)

# Table and code are there once they are asked for: a browser loads as much code for the two as for all the rest of the page, and
# the pictures would wait for it.
with st.expander("Numbers as a table", icon=":material/table:", key="_overview_table", on_change="rerun") as table:
    if table.open:
        st.dataframe({"class": names, "probability": shares}, hide_index=True, alt="The five most probable classes")
with st.expander("The code that makes this", icon=":material/code:", key="_overview_code", on_change="rerun") as code:
    if code.open:
        show = explain_code(selection, method, {}, "print(ex.predict(model, image).top(5))")
        st.code(show, language="python", wrap_lines=True)
