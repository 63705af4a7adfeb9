"""The question of every cell of a comparison, and the Python that asks them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import explainers as ex
from pages.common.app.caches import result_cache
from pages.common.app.selection import Selection
from pages.common.compare.axes import HERE
from pages.common.run.snippets import questions_code
from pages.common.run.words import plain
from pages.common.sidebar.model_picker import load_with_progress
from pages.common.sidebar.target_picker import TOP
from pages.common.sidebar.uploads import Upload, shortened

AxisValues = dict[str, str]
"""What the axes say of a cell, by kind: {"methods": "grad-cam", "layers": "layer4"}."""

QuestionOrError = ex.Question | ex.VitrineError


def questions(
    selection: Selection, cells: Sequence[AxisValues], options: dict[str, dict[str, Any]]
) -> list[QuestionOrError]:
    """The question of every cell, or why there is none; what no axis tells, the sidebar does.

    There is none where its model or picture cannot be had, or where it would repeat a map that is the same at every layer.

    Args:
        options: by method, but for the layer.
    """
    models = _each(_model, (values.get("models", HERE) for values in cells), selection)
    images = _each(_picture, (values.get("inputs", HERE) for values in cells), selection)
    layerless_cells: set[str] = set()  # whose map is the same at every layer
    answers: list[QuestionOrError] = []
    for values in cells:
        model, image = models[values.get("models", HERE)], images[values.get("inputs", HERE)]
        if isinstance(model, ex.VitrineError) or isinstance(image, ex.VitrineError):
            answers.append(model if isinstance(model, ex.VitrineError) else image)
            continue
        method, target = ex.find_method(values["methods"]), values.get("targets")
        method_options = options.get(method.name, {})
        if layerless(values):
            wherever = repr(values | {"layers": ""})
            if wherever in layerless_cells:
                words = f"{method.title} looks at no layer: its one map stands in the first of these places."
                answers.append(ex.VitrineError(words))
                continue
            layerless_cells.add(wherever)
        elif "layers" in values:
            method_options = {**method_options, "layer": values["layers"]}
        about = selection.target if target is None else None if target == TOP else target
        answers.append(ex.Question(model, image, method.name, about, method_options))
    return answers


def layerless(values: AxisValues) -> bool:
    """Whether a cell stands at a layer that its method does not look at."""
    return "layers" in values and "layer" not in ex.find_method(values["methods"]).options.model_fields


def _each(load: Callable[[str, Selection], Any], names: Iterable[str], selection: Selection) -> dict[str, Any]:
    """What every name stands for, or the error that says why it cannot be had: it belongs into its cells."""

    def attempt(name: str) -> Any:
        try:
            return load(name, selection)
        except ex.VitrineError as error:
            return error

    return {name: attempt(name) for name in dict.fromkeys(names)}


def _model(spec: str, selection: Selection) -> ex.Model:
    if spec == HERE:
        return selection.model
    upload = Upload.read(spec)
    return upload.model() if upload is not None else load_with_progress(spec)


def _picture(name: str, selection: Selection) -> Any:
    if name == HERE:
        return selection.image
    upload = Upload.read(name)
    return upload.picture() if upload else result_cache().get(("sample", name), ex.sample(name).load)


def comparison_code(selection: Selection, cells: Iterable[tuple[AxisValues, QuestionOrError]]) -> str:
    """Python that makes the maps of all cells; every model and picture is loaded once."""
    models, images = {HERE: "model"}, {HERE: "image"}
    setup, rows = [selection.model_code, selection.image_code], []
    for values, question in cells:
        spec, name = values.get("models", HERE), values.get("inputs", HERE)
        if isinstance(question, ex.VitrineError):
            rows.append(f"# {', '.join(shortened(list(values.values())))}: {question}")
            continue
        if spec not in models:
            models[spec] = f"model_{len(models) + 1}"
            setup.append(f"{models[spec]} = {_model_code(spec)}")
        if name not in images:
            images[name] = f"image_{len(images) + 1}"
            setup.append(f"{images[name]} = {_picture_code(name)}")
        target, options = _target_code(selection, values.get("targets")), plain(question.options)
        rows.append(f'ex.Question({models[spec]}, {images[name]}, "{question.method}", {target}, {options!r}),')
    return questions_code(setup, rows)


def _model_code(spec: str) -> str:
    upload = Upload.read(spec)
    return upload.code if upload else f'ex.load_model("{spec}")'


def _picture_code(name: str) -> str:
    upload = Upload.read(name)
    return upload.code if upload else f'ex.sample("{name}").load()'


def _target_code(selection: Selection, target: str | None) -> str:
    return (selection.target_code or "None") if target is None else "None" if target == TOP else repr(target)
