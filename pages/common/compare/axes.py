"""What the rows and columns of a comparison can be, and the options of its methods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

import explainers as ex
from pages.common.app import session
from pages.common.app.address import bound
from pages.common.app.follow_default import follow_default
from pages.common.app.selection import Selection, predicted
from pages.common.result.options_form import option_names, options_form
from pages.common.run.layers import layers_of
from pages.common.sidebar.target_picker import TOP
from pages.common.sidebar.uploads import Upload, lost, offered, shortened

KINDS = ["methods", "layers", "models", "targets", "inputs"]
HERE = "the sidebar's"
WITHOUT = ("layer",)  # an axis of its own, or the one that is taken by itself
FAMILIES = ["grad-cam", "integrated-gradients", "occlusion"]
# On a transformer Grad-CAM misses the sign in a quarter of the drawn scenes, see docs/truth.md.
FAMILIES_OF_ATTENTION = ["attn-lrp", "integrated-gradients", "occlusion"]
"""Methods to begin with: of three families, whose maps differ. Three of one family look the same."""

MODELS = ["demo:signs-cnn", "demo:signs-shortcut"]

HELP = {
    "models": "Checkpoints that you read from a file in the sidebar can be chosen here.",
    "inputs": "Pictures that you upload in the sidebar can be chosen here.",
}


def axis(label: str, default: str, taken: str | None, selection: Selection) -> tuple[str, list[str]]:
    """Choose what stands along one side of the grid; returns its kind and its values."""
    kinds = [kind for kind in KINDS if kind != taken]
    key = f"compare_{label.lower()}"
    kind = bound(
        st.selectbox, label, kinds, index=kinds.index(default) if default in kinds else 0,
        key=key if taken is None else f"{key}_beside_{taken}",
    )  # fmt: skip
    choices, first = _values(kind, selection)
    values = bound(
        st.multiselect, kind.capitalize(), choices, first, help=HELP.get(kind), wrap=True, about=lost,
        key=follow_default(f"compare_{kind}", first, choices),
    )  # fmt: skip
    if HERE in values:
        st.caption(f"*{HERE.capitalize()}* is {name_of(kind, HERE, selection)}.")
    return kind, values


def name_of(kind: str, value: str, selection: Selection) -> str:
    """What a value of an axis is called: what the sidebar chose has a name of its own, which its place there is not."""
    if value != HERE:
        return value
    if kind != "models":
        return str(session.widget_value("input") or selection.key[1])
    weights = Upload.read(str(session.widget_value("weights")))
    return f"{selection.model.name} · {weights.name}" if weights is not None else selection.model.name


def names_of(kind: str, values: Sequence[str], selection: Selection) -> list[str]:
    """Short names of all values of an axis, which tell them apart."""
    names = shortened([name_of(kind, value, selection) for value in values])
    return [
        f"{name} (in the sidebar)" if value == HERE and names.count(name) > 1 else name
        for name, value in zip(names, values, strict=True)
    ]


def _values(kind: str, selection: Selection) -> tuple[list[str], list[str]]:
    """All values of an axis, and those to begin with."""
    if kind == "methods":
        names = [method.name for method in ex.methods(selection.model) if not method.only_layer]
        attention = ex.Needs.ATTENTION in selection.model.capabilities
        return names, [name for name in (FAMILIES_OF_ATTENTION if attention else FAMILIES) if name in names] or names[
            :3
        ]
    if kind == "layers":
        layers = layers_of(selection)
        return [layer.name for layer in layers], ex.stages(layers)[-3:]
    if kind == "models":
        known = [entry for entry in ex.list_models() if entry.spec != "demo:diabetes-mlp"]
        specs = [
            name for entry in known
            for name in ([entry.spec] if entry.kind == "demo" else [f"{entry.spec}@{w}" for w in (*entry.weights, "random")])
        ]  # fmt: skip
        own = offered("compare_models", {entry.spec for entry in known if entry.kind == "torchvision"})
        return [HERE, *own, *specs], [HERE, *(spec for spec in MODELS if spec != selection.model.name)][:3]
    if kind == "targets":
        labels = list(dict.fromkeys(selection.model.labels))
        answers = [label for label, _, _ in predicted(selection.model, selection.image, selection.key[1]).top(2)]
        return [TOP, *labels], [TOP, *(label for label in answers[1:] if label in labels)]
    samples = [sample.id for sample in ex.samples()]
    return [HERE, *offered("compare_inputs", {""}), *samples], [
        HERE,
        *[name for name in samples if name != selection.key[1]][:2],
    ]


def options_forms(methods: Sequence[str], selection: Selection) -> dict[str, dict[str, Any]]:
    """Choose the options of every method in the grid, but for the layer; by method, those that differ from their defaults."""
    with_options = [m for m in map(ex.find_method, methods) if option_names(m, WITHOUT)]
    if not with_options:
        return {}
    options = {}
    with st.expander("Options of the methods", icon=":material/tune:"):
        for method in with_options:
            st.markdown(f"**{method.title}**")
            options[method.name] = options_form(method, selection, "compare", WITHOUT)
    return options
