"""The model in the sidebar: bundled, of torchvision, or with weights from a visitor's file."""

from __future__ import annotations

import streamlit as st

import explainers as ex
from pages.common.app.caches import model_cache
from pages.common.app.follow_default import follow_default
from pages.common.app.progress import progress_bar
from pages.common.sidebar.uploads import CHECKPOINTS, Upload, gone, keep_upload, offered


def model_form() -> tuple[ex.Model, str]:
    """Choose a model and its weights; returns it, loaded, and the Python that loads it."""
    known = {model.spec: model for model in ex.list_models()}
    spec = st.selectbox(
        "Model",
        list(known),
        key="model",
        bind="query-params",
        help="Bundled models start with demo:, torchvision's with torchvision:.",
    )
    if known[spec].kind == "demo":
        return _load(spec, None)
    choices = [*known[spec].weights, "random", *offered("weights", {spec}), *gone("weights", spec)]
    weights = st.selectbox(
        "Weights",
        choices,
        key=follow_default("weights", choices[0]),
        bind="query-params",
        help="Trained weights are downloaded once and kept in TORCH_HOME; random ones show the untrained network.",
    )
    with st.popover("Weights from a file", icon=":material/upload_file:", width="stretch"):
        st.file_uploader(
            f"A checkpoint of {spec.removeprefix('torchvision:')}",
            CHECKPOINTS,
            key="_weights_file",
            on_change=keep_upload,
            args=("_weights_file", "weights", spec),
            help="Read without executing anything in it.",
        )
    upload = Upload.read(weights)
    return _load(spec, upload) if upload else _load(f"{spec}@{weights}", None)


def _load(spec: str, upload: Upload | None) -> tuple[ex.Model, str]:
    with progress_bar(f"Loading {spec}") as bar:

        def fetched(received: int, size: int | None) -> None:
            megabytes = f"{received / 1e6:.0f} MB of {(size or 0) / 1e6:.0f} MB"
            bar(received / size if size else 0.0, f"Downloading {spec}: {megabytes}")

        if upload:
            model = upload.model(fetched)
        else:
            model = model_cache().get((spec, None), lambda: ex.load_model(spec, progress=fetched))
    if model.note:
        st.caption(model.note)
    return model, f"model = {upload.code}" if upload else f'model = ex.load_model("{spec}")'


def load_with_progress(spec: str) -> ex.Model:
    """`ex.load_model` of a name, once per server, for what stands beside the sidebar's model."""
    with progress_bar(f"Loading {spec}") as bar:
        return model_cache().get((spec, None), lambda: ex.load_model(spec, progress=bar.downloaded))
