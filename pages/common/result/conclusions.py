"""Two questions, kept apart, each with a plain grade and its reason: whether the map is faithful, and whether the answer is safe ground."""

from __future__ import annotations

from typing import Literal

import streamlit as st

import explainers as ex
from pages.common.app.caches import result_cache
from pages.common.app.progress import progress_bar
from pages.common.app.selection import Selection
from pages.common.result.map_checks import MapChecks

FAITHFUL = "Is this map faithful to the model?"
SAFE = "Is the answer itself safe ground?"

LOOKS: dict[ex.Grade, tuple[Literal["green", "orange", "red", "gray"], str]] = {
    ex.Grade.SUPPORTED: ("green", ":material/check_circle:"),
    ex.Grade.MIXED: ("orange", ":material/contrast:"),
    ex.Grade.NOT_SUPPORTED: ("red", ":material/cancel:"),
    ex.Grade.NOT_CHECKED: ("gray", ":material/help:"),
}
"""Of every grade: never the colour alone."""


def ground_of(selection: Selection) -> ex.Ground:
    """`ex.answer_ground` for what the sidebar chose, looked at once."""
    with progress_bar("Looking at the answer itself") as bar:
        ground: ex.Ground = result_cache().get(
            ("ground", *selection.key),
            lambda: ex.answer_ground(selection.model, selection.image, selection.target, progress=bar),
        )
    return ground


def conclude(question: str, grade: ex.Grade, reason: str) -> None:
    """One question with its answer."""
    colour, icon = LOOKS[grade]
    st.markdown(f"**{question}** :{colour}-badge[{icon} {grade}] \n{reason}")


def map_conclusion(map_checks: MapChecks) -> ex.Verdict:
    """Whether the map is faithful by the quick checks, drawn."""
    with progress_bar("Checking the map") as bar:
        verdict = map_checks.verdict(bar=bar)
    conclude(FAITHFUL, verdict.grade, verdict.reason)
    return verdict


def answer_conclusion(selection: Selection) -> ex.Ground:
    """Whether the answer is safe ground, drawn."""
    ground = ground_of(selection)
    conclude(SAFE, ground.grade, ground.reason)
    return ground
