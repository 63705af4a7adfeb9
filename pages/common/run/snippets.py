"""The Python that makes what a page shows, and where it stands on the page. It runs as it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st

import explainers as ex
from pages.common.app.selection import Selection
from pages.common.run.words import plain


def show_code(code: str, title: str = "The code that makes this") -> None:
    """The code in a box to open."""
    with st.expander(title, icon=":material/code:"):
        st.code(code, language="python", wrap_lines=True)


def script(*lines: str) -> str:
    """A whole script of these lines."""
    return "\n".join(["import explainers as ex", "", *lines])


def call(function: str, /, *arguments: str, **options: Any) -> str:
    """A call of one of the library's functions.

    Args:
        arguments: as Python; empty ones are left out.
        options: as values; they may have any name.
    """
    named = (f"{name}={value!r}" for name, value in plain(options).items())
    return f"ex.{function}({', '.join([*filter(None, arguments), *named])})"


def explain_code(selection: Selection, method: ex.Method, options: dict[str, Any], *more: str) -> str:
    """Of a map, or of the maps of several layers.

    Args:
        more: lines that follow.
    """
    several = isinstance(options.get("layer"), list)
    explain = call("explain", "model", "image", _method(method.name), _target(selection), **options)
    lines = (
        [f"maps = {explain}", "values = [a.values for a in maps]"]
        if several
        else [f"a = {explain}", "values = a.values"]
    )
    return script(selection.model_code, selection.image_code, *lines, *more)


def heads_code(selection: Selection) -> str:
    """Of the maps of a transformer's heads, and of how far they look."""
    heads = call("attention_heads", "model", "image", _target(selection))
    return script(selection.model_code, selection.image_code, f"heads = {heads}", "table = heads.distances")


def flow_code(selection: Selection, method: ex.Method, options: dict[str, Any]) -> str:
    """Of the table of relevance behind every layer."""
    flow = call("relevance_flow", "model", "image", _method(method.name), _target(selection), **options)
    return script(selection.model_code, selection.image_code, f"flow = {flow}")


def weight_stats_code(model_code: str) -> str:
    """Of the table of weights."""
    return script(model_code, "table = ex.weight_stats(model)")


def questions_code(setup: Iterable[str], questions: Iterable[str]) -> str:
    """Of the maps of a grid.

    Args:
        setup: lines that load its models and pictures.
        questions: a line per cell.
    """
    rows = (f"    {question}" for question in questions)
    return script(*setup, "questions = [", *rows, "]", "maps = ex.explain_all(questions)")


def verdict_code(truth: str | None, checks: Mapping[str, Mapping[str, Any]], target: str) -> str:
    """Of both conclusions on the map `a`: it goes on where the code of the map ends.

    Args:
        truth: the Python that makes it; None where it is not known.
        checks: the dear checks, each with its options.
        target: as Python, "" for the top class.
    """
    lines = [] if truth is None else [f"truth = {truth}"]
    calls = [call("verify", "model", "image", "a", "" if truth is None else "truth=truth")]
    calls += [call("verify", "model", "image", "a", repr(name), **options) for name, options in checks.items()]
    lines += ["verdicts = [", *(f"    {text}," for text in calls), "]", "verdict = ex.Verdict.joined(verdicts)"]
    lines += ["print(verdict.grade, verdict.reason)"]
    lines += [f"ground = {call('answer_ground', 'model', 'image', f'target={target}' if target else '')}"]
    return "\n".join([*lines, "print(ground.grade, ground.reason)"])


def _method(name: str) -> str:
    return f'method="{name}"'


def _target(selection: Selection) -> str:
    return f"target={selection.target_code}" if selection.target_code else ""
