"""Calling explainers from a page: cached by content, with progress, abandoned when a control is moved."""

from __future__ import annotations

from typing import Any

import streamlit as st

import explainers as ex
from pages.common.progress import Bar
from pages.common.selection import Selection
from pages.common.shelves import result_shelf


def explain_with_progress(chosen: Selection, method: ex.Method, options: dict[str, Any]) -> Any:
    """`ex.explain` for what the sidebar chose: an Attribution, or a list of them where options hold several layers."""
    key = (*chosen.key, method.name, repr(sorted(options.items())))
    bar = Bar(st.empty(), method.title)
    try:
        return result_shelf().get(
            key,
            lambda: ex.explain(chosen.model, chosen.image, method.name, chosen.target, progress=bar, **options),
        )
    finally:
        bar.clear()


def layers_of(model: ex.Model) -> list[ex.Layer]:
    """The layers that a CAM can be read off, from early to late."""
    found: list[ex.Layer] = result_shelf().get(("layers", model.fingerprint), lambda: ex.layers(model))
    return found


def code_for(chosen: Selection, method: ex.Method, options: dict[str, Any]) -> str:
    """Python that computes the same array when run as it stands."""
    plain = {name: getattr(value, "value", value) for name, value in options.items()}
    arguments = [f'method="{method.name}"']
    arguments += [f"target={chosen.target_code}"] if chosen.target_code else []
    arguments += [f"{name}={value!r}" for name, value in plain.items()]
    result = "maps" if isinstance(plain.get("layer"), list) else "a"
    values = "values = [a.values for a in maps]" if result == "maps" else "values = a.values"
    return "\n".join(
        [
            "import explainers as ex",
            "",
            chosen.model_code,
            chosen.image_code,
            f"{result} = ex.explain(model, image, {', '.join(arguments)})",
            values,
        ]
    )
