"""How strong a map is beside that of the model's first answer: colours alone would stretch a whisper to full strength."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

import explainers as ex
from explainers.trust.context import runs_again
from pages.common.app.address import bound
from pages.common.app.caches import result_cache
from pages.common.app.selection import Selection, predicted
from pages.common.result.view import View

WEAK = 1 / 3  # of the first answer's largest value


def on_the_first_answers_scale(selection: Selection, attribution: ex.Attribution, view: View) -> View:
    """The view, on the first answer's scale if the visitor wants it; says how weak the map is where it is much weaker."""
    if view.limit is not None or not isinstance(selection.target, ex.ClassTarget):
        return view
    label, index, _ = predicted(selection.model, selection.image, selection.key[1]).top(1)[0]
    if selection.target == ex.ClassTarget(index) or not runs_again(attribution, attribution.cost):
        return view
    first = _first_answers_map(selection, attribution, index)
    own, largest = abs(view.largest(attribution)), abs(view.largest(first))
    if not 0 < own < WEAK * largest:
        return view
    st.caption(
        f":material/volume_down: Weak: the largest value is {own / largest:.2g} of that of the same method's map of {label}, the first answer."
    )
    same_scale = bound(
        st.toggle, "On the first answer's scale", key="first_scale",
        help=f"The same colours then mean the same numbers as in the map of {label}.",
    )  # fmt: skip
    return replace(view, limit=view.scale(first).high) if same_scale else view


def _first_answers_map(selection: Selection, attribution: ex.Attribution, index: int) -> ex.Attribution:
    options = attribution.options
    key = ("first answer", *selection.key[:2], attribution.method, repr(sorted(options.items())))
    first: ex.Attribution = result_cache().get(
        key, lambda: ex.explain(selection.model, selection.image, attribution.method, index, **options)
    )
    return first
