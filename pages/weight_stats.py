"""Weight statistics: every tensor of a network in numbers, and what looks unhealthy about it."""

import streamlit as st

import explainers as ex
from explainers.render.charts.attribution import histogram_chart
from explainers.render.charts.weights import compare_chart, spectrum_chart, weights_overview_chart
from explainers.render.encoding import encode_png
from explainers.render.filters import filters_sheet
from pages.common.app.address import bound
from pages.common.app.errors import sentences
from pages.common.app.follow_default import follow_default
from pages.common.app.images import show_picture
from pages.common.result.tables import download_table, readable
from pages.common.run.snippets import weight_stats_code
from pages.common.sections.weight_tables import compared, health_panel, other_model, stats_with_progress, tensor_details
from pages.common.sidebar.selection import selected_model

model, code = selected_model()

st.title("Weight statistics")
st.caption(
    "Every weight tensor in numbers: how large, how spread, how many filters are dead or double, and how its spectrum falls."
)

stats = stats_with_progress(model)
findings = ex.health(stats)

st.header("Health")
health_panel(findings, len(stats))

st.header("All tensors")
METRICS = {
    "standard deviation": "std", "mean": "mean", "L2 norm": "l2", "sparsity": "sparsity", "dead filters": "dead_filters",
    "near-duplicate filters": "near_duplicate_filters", "spectral norm": "spectral_norm", "stable rank": "stable_rank",
    "power-law exponent": "alpha", "shapes of depthwise kernels": "kernel_rank",
}  # fmt: skip
metric = bound(st.selectbox, "Show", list(METRICS), key="weights_metric")
st.altair_chart(weights_overview_chart(stats, METRICS[metric]), alt=f"{metric} of every tensor, in the network's order")
st.dataframe(readable(stats), hide_index=True, height=320, alt="Statistics of every tensor")
download_table(stats, f"weights-{model.fingerprint}", weight_stats_code(code))

st.header("One tensor")
names = list(stats["tensor"])
tensor = bound(st.selectbox, "Tensor", names, key=follow_default("weights_tensor", names[0]))
(counts, edges), spectrum = tensor_details(model, tensor)
left, right = st.columns(2)
with left:
    st.altair_chart(histogram_chart(counts, edges, "Histogram", "Weight"), alt=f"Histogram of {tensor}")
with right:
    if spectrum is None:
        st.info("A vector has no spectrum; choose the weights of a convolution or of a linear layer.")
    else:
        words = f"Eigenvalues of {tensor} and the power law fitted to them"
        st.altair_chart(spectrum_chart(spectrum.singular_values, spectrum.alpha, spectrum.xmin), alt=words)

filters = ex.first_layer_filters(model)
if filters is not None:
    name, weights = filters
    st.header("What the first layer looks for")
    st.caption(f"The {len(weights)} filters of {name}, on one common scale.")
    show_picture(encode_png(filters_sheet(weights)), alt=f"Filters of {name}", width="content")

st.header("Compare with other weights of this architecture")
with sentences():
    other = other_model(model)
    if other is not None:
        table = compared(model, other)
        st.altair_chart(compare_chart(table), alt="Relative change of every tensor")
        st.dataframe(readable(table), hide_index=True, height=320, alt="Change of every tensor")
        download_table(table, f"compare-{model.fingerprint}-{other.fingerprint}")

with st.expander("What these numbers say, and what they do not", icon=":material/menu_book:"):
    st.markdown(
        "**Spectral norm** is the largest singular value of the weight matrix; **stable rank** is its squared Frobenius norm over "
        "its squared spectral norm. **The power-law exponent** is fitted to the tail of the eigenvalues of the weights' Gram "
        "matrix: between 2 and 6 is common in well-trained networks (Martin, Peng & Mahoney 2021, Nature Communications 12:4122). "
        "**Groups** of filters see channels of their own: near-duplicates are counted within a group, and the norms are those of the "
        "block matrix. **Shapes of depthwise kernels** is the effective rank of a depthwise layer's kernels (Roy & Vetterli 2007): "
        "how many shapes they are made of, from 1 to the kernel's size. "
        "None of them proves that a network is good or bad: they say where to look. Small matrices have too few eigenvalues for a "
        "fit, and get none."
    )
