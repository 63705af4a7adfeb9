"""The model in the sidebar: bundled, of torchvision, with weights or names of classes from a visitor's file."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

import explainers as ex
from pages.common.app import session
from pages.common.app.address import bound
from pages.common.app.caches import model_cache
from pages.common.app.follow_default import follow_default
from pages.common.app.progress import progress_bar
from pages.common.sidebar.dialogs import labels_dialog, opens, weights_dialog
from pages.common.sidebar.uploads import LostUploadError, Upload, gone, lost, offered

OWN = "the bundled ones"


def model_form() -> tuple[ex.Model, str]:
    """Choose a model, its weights and the names of its classes; returns it, loaded, and the Python that loads it."""
    known = {model.spec: model for model in ex.list_models()}
    spec = bound(
        st.selectbox,
        "Model",
        list(known),
        key="model",
        persist_state="session",
        help="Bundled models start with demo:, torchvision's with torchvision:.",
    )
    own = [OWN] if known[spec].kind == "demo" else [*known[spec].weights, "random"]
    choices = [*own, *offered("weights", {spec}), *gone("weights", spec)]
    weights = OWN
    if len(choices) > 1:
        weights = bound(
            st.selectbox,
            "Weights",
            choices,
            key=follow_default("weights", choices[0]),
            about=lost,
            persist_state="session",
            help="Those of torchvision are downloaded once and kept in TORCH_HOME; random ones show the untrained network.",
        )
    with st.container(horizontal=True, gap="xsmall"):
        from_file = opens("Weights")
        names = opens("Labels")
    if from_file:
        weights_dialog(spec)
    upload = Upload.read(weights)
    model = _load(spec if upload or weights == OWN else f"{spec}@{weights}", upload)
    code = upload.code if upload else f'ex.load_model("{model.name}")'
    model, labels = _labelled(model, spec)
    if names:
        labels_dialog(model, spec)
    return model, f"model = {code[:-1]}, labels={labels!r})" if labels else f"model = {code}"


def _labelled(model: ex.Model, spec: str) -> tuple[ex.Model, str]:
    """The model with the names from the visitor's file, and that file's name; as it is where there is none that fits it."""
    chosen = session.widget_value("labels")
    upload = Upload.read(chosen or "")
    if not chosen or (upload is not None and upload.spec != spec):
        return model, ""
    try:
        if upload is None:
            raise LostUploadError(chosen)
        return replace(model, labels=upload.labels(model)), upload.file_name
    except ex.VitrineError as error:
        st.warning(f"{error} The classes have the model's own names.")
        return model, ""


def _load(spec: str, upload: Upload | None) -> ex.Model:
    with progress_bar(f"Loading {spec}") as bar:

        def fetched(received: int, size: int | None) -> None:
            megabytes = f"{received / 1e6:.0f} MB of {(size or 0) / 1e6:.0f} MB"
            bar(received / size if size else 0.0, f"Downloading {spec}: {megabytes}")

        if upload:
            return upload.model(fetched)
        return model_cache().get((spec, None), lambda: ex.load_model(spec, progress=fetched))


def load_with_progress(spec: str) -> ex.Model:
    """`ex.load_model` of a name, once per server, for what stands beside the sidebar's model."""
    with progress_bar(f"Loading {spec}") as bar:
        return model_cache().get((spec, None), lambda: ex.load_model(spec, progress=bar.downloaded))
