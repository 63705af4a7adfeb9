"""What the rows and columns of a comparison can be, and the question of a cell."""

from __future__ import annotations

from typing import Any

import streamlit as st

import explainers as ex
from pages.common.progress import Bar
from pages.common.selection import Selection
from pages.common.shelves import model_shelf, result_shelf
from pages.common.targets import TOP
from pages.common.work import layers_of

KINDS = ["methods", "layers", "models", "targets", "inputs"]
HERE = "the sidebar's"
FIRST = {"methods": ["grad-cam", "layer-cam", "hires-cam"], "models": ["demo:signs-cnn", "demo:signs-shortcut"]}


def axis(label: str, default: str, taken: str | None, chosen: Selection) -> tuple[str, list[str]]:
    """Choose what stands along one side of the grid; returns its kind and its values."""
    kinds = [kind for kind in KINDS if kind != taken]
    key = f"compare_{label.lower()}"
    kind = st.selectbox(
        label, kinds, index=kinds.index(default) if default in kinds else 0, bind="query-params",
        key=key if taken is None else f"{key}_beside_{taken}",
    )  # fmt: skip
    offered, first = _values(kind, chosen)
    values = st.multiselect(kind.capitalize(), offered, first, key=f"compare_{kind}", bind="query-params")
    return kind, values


def _values(kind: str, chosen: Selection) -> tuple[list[str], list[str]]:
    """All values of an axis, and those to begin with."""
    if kind == "methods":
        names = [method.name for method in ex.methods(chosen.model) if not method.only_layer]
        return names, [name for name in FIRST[kind] if name in names] or names[:3]
    if kind == "layers":
        layers = layers_of(chosen)
        return [layer.name for layer in layers], ex.stages(layers)[-3:]
    if kind == "models":
        known = [found for found in ex.list_models() if found.spec != "demo:diabetes-mlp"]
        specs = [
            name for found in known
            for name in ([found.spec] if found.kind == "demo" else [f"{found.spec}@{w}" for w in (*found.weights, "random")])
        ]  # fmt: skip
        return [HERE, *specs], [HERE, *(spec for spec in FIRST[kind] if spec != chosen.model.name)][:3]
    if kind == "targets":
        labels = list(dict.fromkeys(chosen.model.labels))
        return [TOP, *labels], [TOP, *labels[:2]]
    samples = [sample.id for sample in ex.samples()]
    return [HERE, *samples], [HERE, *[name for name in samples if name != chosen.key[1]][:2]]


def question(chosen: Selection, asked: dict[str, str]) -> ex.Question:
    """The question of the cell where these values meet; what no axis tells, the sidebar does."""
    spec, picture, target = asked.get("models", HERE), asked.get("inputs", HERE), asked.get("targets")
    model = chosen.model if spec == HERE else _model(spec)
    image = chosen.image if picture == HERE else _picture(picture)
    method = ex.find_method(asked["methods"])
    options: dict[str, Any] = {}
    if "layers" in asked and "layer" in method.options.model_fields:
        options["layer"] = asked["layers"]
    about = chosen.target if target is None else None if target == TOP else target
    return ex.Question(model, image, method.name, about, options)


def question_code(chosen: Selection, asked: dict[str, str]) -> str:
    """The same as Python, where `model` and `image` are the sidebar's."""
    spec, picture, target = asked.get("models", HERE), asked.get("inputs", HERE), asked.get("targets")
    made = question(chosen, asked)
    parts = [
        "model" if spec == HERE else f'ex.load_model("{spec}")',
        "image" if picture == HERE else f'ex.sample("{picture}").load()',
        f'"{made.method}"',
        (chosen.target_code or "None") if target is None else "None" if target == TOP else f"{target!r}",
        repr(made.options),
    ]
    return f"ex.Question({', '.join(parts)})"


def _model(spec: str) -> ex.Model:
    bar = Bar(st.empty(), f"Loading {spec}")
    try:
        return model_shelf().get(
            (spec, None), lambda: ex.load_model(spec, progress=lambda done, of: bar(done / (of or done), "downloading"))
        )
    finally:
        bar.clear()


def _picture(name: str) -> Any:
    return result_shelf().get(("sample", name), ex.sample(name).load)
