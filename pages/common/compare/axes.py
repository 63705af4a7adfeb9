"""What the rows and columns of a comparison can be, and the question of a cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

import explainers as ex
from pages.common.app.caches import result_cache
from pages.common.app.follow_default import follow_default
from pages.common.app.selection import Selection
from pages.common.result.options_form import option_names, options_form
from pages.common.run.explain import layers_of, plain
from pages.common.sidebar.model_picker import load_with_progress
from pages.common.sidebar.target_picker import TOP
from pages.common.sidebar.uploads import Upload, offered, shortened

KINDS = ["methods", "layers", "models", "targets", "inputs"]


HERE = "the sidebar's"


WITHOUT = ("layer",)  # an axis of its own, or the one that is taken by itself


FIRST = {"methods": ["grad-cam", "layer-cam", "hires-cam"], "models": ["demo:signs-cnn", "demo:signs-shortcut"]}


HELP = {
    "models": "Checkpoints that you read from a file in the sidebar can be chosen here.",
    "inputs": "Pictures that you upload in the sidebar can be chosen here.",
}


def axis(label: str, default: str, taken: str | None, selection: Selection) -> tuple[str, list[str]]:
    """Choose what stands along one side of the grid; returns its kind and its values."""
    kinds = [kind for kind in KINDS if kind != taken]
    key = f"compare_{label.lower()}"
    kind = st.selectbox(
        label, kinds, index=kinds.index(default) if default in kinds else 0, bind="query-params",
        key=key if taken is None else f"{key}_beside_{taken}",
    )  # fmt: skip
    choices, first = _values(kind, selection)
    values = st.multiselect(
        kind.capitalize(), choices, first, bind="query-params", help=HELP.get(kind), wrap=True,
        key=follow_default(f"compare_{kind}", first, choices),
    )  # fmt: skip
    return kind, values


def _values(kind: str, selection: Selection) -> tuple[list[str], list[str]]:
    """All values of an axis, and those to begin with."""
    if kind == "methods":
        names = [method.name for method in ex.methods(selection.model) if not method.only_layer]
        return names, [name for name in FIRST[kind] if name in names] or names[:3]
    if kind == "layers":
        layers = layers_of(selection)
        return [layer.name for layer in layers], ex.stages(layers)[-3:]
    if kind == "models":
        known = [found for found in ex.list_models() if found.spec != "demo:diabetes-mlp"]
        specs = [
            name for found in known
            for name in ([found.spec] if found.kind == "demo" else [f"{found.spec}@{w}" for w in (*found.weights, "random")])
        ]  # fmt: skip
        own = offered("compare_models", {found.spec for found in known if found.kind == "torchvision"})
        return [HERE, *own, *specs], [HERE, *(spec for spec in FIRST[kind] if spec != selection.model.name)][:3]
    if kind == "targets":
        labels = list(dict.fromkeys(selection.model.labels))
        return [TOP, *labels], [TOP, *labels[:2]]
    samples = [sample.id for sample in ex.samples()]
    return [HERE, *offered("compare_inputs", {""}), *samples], [
        HERE,
        *[name for name in samples if name != selection.key[1]][:2],
    ]


def options_of(methods: Sequence[str], selection: Selection) -> dict[str, dict[str, Any]]:
    """Choose the options of every method in the grid, but for the layer; by method, those that differ from their defaults."""
    with_options = [m for m in map(ex.find_method, methods) if option_names(m, WITHOUT)]
    if not with_options:
        return {}
    found = {}
    with st.expander("Options of the methods", icon=":material/tune:"):
        for method in with_options:
            st.markdown(f"**{method.title}**")
            found[method.name] = options_form(method, selection, "compare", WITHOUT)
    return found


def questions(
    selection: Selection, asked: Sequence[dict[str, str]], options: dict[str, dict[str, Any]]
) -> list[ex.Question | ex.VitrineError]:
    """The question of every cell, or why there is none; what no axis tells, the sidebar does.

    Its model or picture cannot be had, or it would repeat a map that is the same at every layer.

    Args:
        asked: what the axes say of every cell, by kind.
        options: by method, but for the layer.
    """
    models = {spec: _attempt(_model, spec, selection) for spec in {values.get("models", HERE) for values in asked}}
    images = {name: _attempt(_picture, name, selection) for name in {values.get("inputs", HERE) for values in asked}}
    found: list[ex.Question | ex.VitrineError] = []
    once: set[str] = set()
    for values in asked:
        model, image = models[values.get("models", HERE)], images[values.get("inputs", HERE)]
        if isinstance(model, ex.VitrineError) or isinstance(image, ex.VitrineError):
            found.append(model if isinstance(model, ex.VitrineError) else image)
            continue
        method, target = ex.find_method(values["methods"]), values.get("targets")
        given = options.get(method.name, {})
        if layerless(values):
            cell = repr(values | {"layers": ""})
            if cell in once:
                words = f"{method.title} looks at no layer: its one map stands in the first of these places."
                found.append(ex.VitrineError(words))
                continue
            once.add(cell)
        elif "layers" in values:
            given = {**given, "layer": values["layers"]}
        about = selection.target if target is None else None if target == TOP else target
        found.append(ex.Question(model, image, method.name, about, given))
    return found


def layerless(values: dict[str, str]) -> bool:
    """Whether a cell stands at a layer that its method does not look at."""
    return "layers" in values and "layer" not in ex.find_method(values["methods"]).options.model_fields


def _attempt(make: Callable[[str, Selection], Any], name: str, selection: Selection) -> Any:
    """What is made of a name, or the error that says why there is none: it belongs into its cells."""
    try:
        return make(name, selection)
    except ex.VitrineError as error:
        return error


def code_of(selection: Selection, asked: Sequence[tuple[dict[str, str], ex.Question | ex.VitrineError]]) -> str:
    """Python that makes the same maps when run as it stands; every model and picture is loaded once.

    Args:
        asked: what the axes say of every cell, and the question that came of it.
    """
    models, images, lines, rows = {HERE: "model"}, {HERE: "image"}, [selection.model_code, selection.image_code], []
    for values, made in asked:
        spec, name = values.get("models", HERE), values.get("inputs", HERE)
        if isinstance(made, ex.VitrineError):
            rows.append(f"    # {', '.join(shortened(list(values.values())))}: {made}")
            continue
        if spec not in models:
            models[spec] = f"model_{len(models) + 1}"
            lines.append(f"{models[spec]} = {_model_code(spec)}")
        if name not in images:
            images[name] = f"image_{len(images) + 1}"
            lines.append(f"{images[name]} = {_picture_code(name)}")
        target = _target_code(selection, values.get("targets"))
        rows.append(
            f'    ex.Question({models[spec]}, {images[name]}, "{made.method}", {target}, {plain(made.options)!r}),'
        )
    return "\n".join(
        ["import explainers as ex", "", *lines, "questions = [", *rows, "]", "maps = ex.explain_all(questions)"]
    )


def _model_code(spec: str) -> str:
    upload = Upload.read(spec)
    return upload.code if upload else f'ex.load_model("{spec}")'


def _picture_code(name: str) -> str:
    upload = Upload.read(name)
    return upload.code if upload else f'ex.sample("{name}").load()'


def _target_code(selection: Selection, target: str | None) -> str:
    return (selection.target_code or "None") if target is None else "None" if target == TOP else repr(target)


def _model(spec: str, selection: Selection) -> ex.Model:
    if spec == HERE:
        return selection.model
    upload = Upload.read(spec)
    if upload is not None:
        return upload.model()
    return load_with_progress(spec)


def _picture(name: str, selection: Selection) -> Any:
    if name == HERE:
        return selection.image
    upload = Upload.read(name)
    return upload.picture() if upload else result_cache().get(("sample", name), ex.sample(name).load)
