"""What the weight statistics page asks of the library, kept between reruns."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

import explainers as ex
from pages.common.app.caches import result_cache
from pages.common.run.long_work import result_of
from pages.common.sidebar.model_picker import load_with_progress
from pages.common.sidebar.uploads import CHECKPOINTS, Upload, gone, keep_upload, offered

NONE = "none"


def stats_with_progress(model: ex.Model) -> pd.DataFrame:
    """`ex.weight_stats` of the model, computed once."""
    return result_of(
        "Weight statistics",
        ("weights", model.fingerprint),
        lambda bar: ex.weight_stats(model, progress=bar),
        lambda: ex.estimate_weight_stats(model),
        "Start: about {time}",
    )


def tensor_details(model: ex.Model, name: str) -> tuple[Any, ex.Spectrum | None]:
    """Histogram (counts, edges) and spectrum of one tensor, the latter None for vectors."""
    tensor = model.network.get_parameter(name)
    details: tuple[Any, ex.Spectrum | None] = result_cache().get(
        ("tensor", model.fingerprint, name), lambda: (ex.histogram(tensor), ex.spectrum(tensor))
    )
    return details


def other_model(model: ex.Model) -> ex.Model | None:
    """Choose other weights of the same architecture: by name, or from a file."""
    known = {entry.spec: entry for entry in ex.list_models()}
    spec = model.name.split("@")[0]
    if spec.startswith("demo:signs-"):
        choices = [
            name for name in ("demo:signs-cnn", "demo:signs-shortcut") if name != spec and spec != "demo:signs-vit"
        ]
    elif spec in known:
        choices = [
            f"{spec}@{weights}" for weights in (*known[spec].weights, "random") if f"{spec}@{weights}" != model.name
        ]
    else:
        choices = []
    left, right = st.columns(2)
    uploaded = [*offered("weights_other", {spec}), *gone("weights_other", spec)]
    weights = left.selectbox("Other weights", [NONE, *choices, *uploaded], key="weights_other", bind="query-params")
    right.file_uploader(
        "or a checkpoint", CHECKPOINTS, key="weights_other_file", on_change=keep_upload,
        args=("weights_other_file", "weights_other", spec),
    )  # fmt: skip
    if weights == NONE:
        return None
    if upload := Upload.read(weights):
        return upload.model()
    return load_with_progress(weights)


def compared(model: ex.Model, other: ex.Model) -> pd.DataFrame:
    """`ex.compare` of two models, computed once."""
    table: pd.DataFrame = result_cache().get(
        ("compare", model.fingerprint, other.fingerprint), lambda: ex.compare(model, other)
    )
    return table
