"""What the rows and columns of a comparison can be, and the question of a cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

import explainers as ex
from pages.common.forms import option_names, options_form
from pages.common.progress import Bar
from pages.common.selection import Selection
from pages.common.shelves import model_shelf, result_shelf
from pages.common.targets import TOP
from pages.common.work import layers_of, plain

KINDS = ["methods", "layers", "models", "targets", "inputs"]
HERE = "the sidebar's"
WITHOUT = ("layer",)  # an axis of its own, or the one that is taken by itself
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


def options_of(methods: Sequence[str], chosen: Selection) -> dict[str, dict[str, Any]]:
    """Choose the options of every method in the grid, but for the layer; by method, those that differ from their defaults."""
    with_options = [m for m in map(ex.find_method, methods) if option_names(m, WITHOUT)]
    if not with_options:
        return {}
    found = {}
    with st.expander("Options of the methods", icon=":material/tune:"):
        for method in with_options:
            st.markdown(f"**{method.title}**")
            found[method.name] = options_form(method, chosen, "compare", WITHOUT)
    return found


def question(chosen: Selection, asked: dict[str, str], options: dict[str, Any]) -> ex.Question:
    """The question of the cell where these values meet; what no axis tells, the sidebar does.

    Args:
        options: of the method, but for the layer.
    """
    spec, picture, target = asked.get("models", HERE), asked.get("inputs", HERE), asked.get("targets")
    model = chosen.model if spec == HERE else _model(spec)
    image = chosen.image if picture == HERE else _picture(picture)
    method = ex.find_method(asked["methods"])
    if "layers" in asked and "layer" in method.options.model_fields:
        options = {**options, "layer": asked["layers"]}
    about = chosen.target if target is None else None if target == TOP else target
    return ex.Question(model, image, method.name, about, options)


def code_of(chosen: Selection, asked: Sequence[tuple[dict[str, str], ex.Question]]) -> str:
    """Python that makes the same maps when run as it stands; every model and picture is loaded once."""
    named = {HERE: "model"}, {HERE: "image"}
    lines = [chosen.model_code, chosen.image_code]
    questions = []
    for values, made in asked:
        places = values.get("models", HERE), values.get("inputs", HERE)
        for names, place, word, call in zip(
            named, places, ("model", "image"), (_model_code, _picture_code), strict=True
        ):
            if place not in names:
                names[place] = f"{word}_{len(names) + 1}"
                lines.append(f"{names[place]} = {call(place)}")
        parts = [
            named[0][places[0]], named[1][places[1]], f'"{made.method}"',
            _target_code(chosen, values.get("targets")), repr(plain(made.options)),
        ]  # fmt: skip
        questions.append(f"    ex.Question({', '.join(parts)}),")
    return "\n".join(
        ["import explainers as ex", "", *lines, "questions = [", *questions, "]", "maps = ex.explain_all(questions)"]
    )


def _model_code(spec: str) -> str:
    return f'ex.load_model("{spec}")'


def _picture_code(name: str) -> str:
    return f'ex.sample("{name}").load()'


def _target_code(chosen: Selection, target: str | None) -> str:
    return (chosen.target_code or "None") if target is None else "None" if target == TOP else repr(target)


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
