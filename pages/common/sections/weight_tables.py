"""What the weight statistics page asks of the library, kept between reruns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import pandas as pd
import streamlit as st

import explainers as ex
from pages.common.app.address import bound
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


COLOURS = {"problem": "red", "warning": "orange", "note": "gray"}
ICONS = {"problem": ":material/error:", "warning": ":material/warning:", "note": ":material/info:"}


def health_panel(findings: Sequence[ex.HealthFinding], tensors: int) -> None:
    """What looks unhealthy: one line that counts it, and the sentences folded below, kind by kind."""
    count = Counter(finding.level for finding in findings)
    show = st.error if count["problem"] else st.warning if count["warning"] else st.success
    level = "problem" if count["problem"] else "warning"
    show(
        health_in_words(findings, tensors),
        icon=ICONS[level] if findings and count[level] else ":material/check_circle:",
    )
    if not findings:
        return
    with st.expander("The findings, by kind", icon=":material/list:"):
        for kind, members in groupby(findings, lambda finding: (finding.level, finding.kind)):
            level, words = kind
            listed = list(members)
            st.markdown(f"{ICONS[level]} :{COLOURS[level]}[**{words.capitalize()}**] · {_counted(level, len(listed))}")
            st.markdown("\n".join(f"- {finding.sentence}" for finding in listed))


def health_in_words(findings: Sequence[ex.HealthFinding], tensors: int) -> str:
    """How many findings of which weight there are among so many tensors."""
    count = Counter(finding.level for finding in findings)
    serious = [_counted(level, count[level]) for level in ("problem", "warning") if count[level]]
    notes = [_counted("note", count["note"])] if count["note"] else []
    if serious:
        return f"{', '.join([*serious, *notes])} among {tensors} tensors."
    return f"No problem found among {tensors} tensors{f'; {notes[0]}' if notes else ''}."


def _counted(word: str, count: int) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def tensor_details(model: ex.Model, name: str) -> tuple[Any, ex.Spectrum | None]:
    """Histogram (counts, edges) and spectrum of one tensor, the latter None for vectors."""
    tensor = model.network.get_parameter(name)
    details: tuple[Any, ex.Spectrum | None] = result_cache().get(
        ("tensor", model.fingerprint, name), lambda: (ex.histogram(tensor), ex.tensor_spectrum(model, name))
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
    weights = bound(left.selectbox, "Other weights", [NONE, *choices, *uploaded], key="weights_other")
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
