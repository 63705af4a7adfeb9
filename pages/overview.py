"""The opening page: a picture, what the model sees in it, and where the evidence lies."""

import streamlit as st

import explainers as ex
from explainers.render.charts import top_k_chart
from explainers.render.overlay import encode_png
from pages.common.panels import WIDTH, View, picture
from pages.common.selection import predicted, selection
from pages.common.work import code_for, explain_with_progress

chosen = selection()
answer = predicted(chosen.model, chosen.image, chosen.key[1])
label, index, probability = answer.top(1)[0]

st.title("Why this answer?")
st.caption("A picture, what the model sees in it, and where in the picture the evidence lies.")

scene, evidence = st.columns(2, gap="large")
with scene:
    st.subheader("The picture")
    st.image(encode_png(chosen.enlarged(WIDTH)), output_format="PNG", width="stretch", alt="The picture as the model sees it")
    st.caption(f"As {chosen.model.name} sees it.")
with evidence:
    st.subheader("Where the evidence lies")
    method = ex.find_method("grad-cam")
    result = explain_with_progress(chosen, method, {})
    target = result.target.describe(chosen.model.labels)
    picture(chosen, result, View("viridis", 0.6), f"Grad-CAM at {result.layer}: the map highlights what raises the score of {target}.")

st.subheader("What the model sees")
st.markdown(f"Its first answer is **{label}**, with a probability of **{probability:.1%}**.")
top = answer.top(5)
st.altair_chart(
    top_k_chart([name for name, _, _ in top], [share for _, _, share in top]),
    alt="Probabilities of the five most probable classes",
)
st.caption(
    "A high probability is not a good reason. The other pages look at the evidence by other methods, and inside the network."
)
with st.expander("The code that makes this", icon=":material/code:"):
    st.code(code_for(chosen, method, {}) + "\nprint(ex.predict(model, image).top(5))", language="python")
