"""The result panel: the map and two conclusions first; checks, numbers, code and what the method is in tabs below."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import streamlit as st

import explainers as ex
from explainers.render.lettering import number
from pages.common.app import session
from pages.common.app.announce import announce
from pages.common.app.errors import sentences
from pages.common.app.selection import Selection
from pages.common.result.downloads import downloads
from pages.common.result.first_answer import on_the_first_answers_scale
from pages.common.result.ground_truth import Truth, truth_form
from pages.common.result.map_checks import MapChecks
from pages.common.result.pictures import original, picture
from pages.common.result.tables import map_table
from pages.common.result.verdict import verdict_panel
from pages.common.result.view import View

TABS = ["Checks", "Numbers", "Code", "About"]
Part = Callable[[], object]
"""What a page adds to a tab."""


def explanation_panel(
    selection: Selection,
    attribution: ex.Attribution,
    view: View,
    code: str,
    title: str,
    numbers: Part | None = None,
    about: Part | None = None,
) -> None:
    """One explanation, whole.

    Args:
        numbers, about: what the page adds to these tabs.
    """
    target = attribution.target.describe(selection.model.labels)
    place = f" at {attribution.layer}" if attribution.layer else ""
    words = f"The map highlights {ex.find_method(attribution.method).highlights.format(target=target)}{place}."
    left, right = st.columns(2)
    conclusions, menu = st.container(), st.container()
    checks_tab, numbers_tab, code_tab, about_tab = st.tabs(TABS)
    truth: Truth | None = None
    with checks_tab, st.expander("Where the evidence is known to lie", icon=":material/my_location:"), sentences():
        truth = truth_form(selection, attribution)
    region = None if truth is None else truth.mask
    with left:
        original(selection)
        st.caption("The picture as the model sees it")
    with right:
        view = on_the_first_answers_scale(selection, attribution, view)
        scale = picture(selection, attribution, view, words, region=region)
    if view.limit is None:
        session.OWN_LIMIT.set(float(f"{scale.high:.4g}"))
    with numbers_tab:
        _numbers(attribution, view)
        map_table(attribution, view)
        if numbers is not None:
            numbers()
    with code_tab:
        st.code(code, language="python", wrap_lines=True)
    with about_tab:
        if about is not None:
            about()
    with sentences():
        verdict = verdict_panel(MapChecks(selection, attribution, region), truth, conclusions, checks_tab)
        said = "" if verdict is None else f"{verdict.grade}: {verdict.reason}"
        announce(f"The map by {title} of {target} is there. {said}", repr(selection.key))
        with menu:
            downloads(selection, attribution, view, scale, title, verdict=said, region=region)


def _numbers(attribution: ex.Attribution, view: View) -> None:
    numbers = st.columns(4 + (attribution.completeness is not None) + (attribution.reliability is not None))
    numbers[0].metric(
        "Score",
        f"{attribution.score[0]:.3f}",
        help="Of the target: a logit before softmax, a difference of two, or what a channel puts out.",
    )
    numbers[1].metric(
        "Largest value",
        number(view.largest(attribution)),
        help="Of the map as it is shown; the colour bar ends there, or says that values go beyond its end.",
    )
    passes = f"{attribution.cost.forward} + {attribution.cost.backward}"
    in_half = f"; {attribution.cost.half} of them in half the bits" if attribution.cost.half else ""
    numbers[2].metric("Passes", passes, help=f"Forward and backward passes through the network{in_half}.")
    numbers[3].metric("Time", f"{attribution.cost.seconds:.2f} s", help="In the network, when this was computed.")
    if attribution.reliability is not None:
        numbers[-1].metric(
            "Reliability",
            f"{attribution.reliability:.2f}",
            help="Share of the map's variation from place to place that is not sampling noise: about the correlation to "
            "expect with a map from other draws.",
        )
    if attribution.completeness is not None:
        gap = attribution.completeness
        numbers[4].metric(
            "Gap",
            f"{gap.gap[0]:+.1g}",
            help=f"The map sums to {gap.total[0]:.4g}; the score rose by {gap.expected[0]:.4g} from the baseline. "
            "The method promises that the two are equal.",
        )


def certainty(selection: Selection, attribution: ex.Attribution, view: View) -> None:
    """The standard error of a sampled map, as a picture beside what it means."""
    if attribution.error is None:
        return
    st.header("How sure is the map?")
    errors = dataclasses.replace(
        attribution,
        values=attribution.error,
        signed=False,
        error=None,
        options=attribution.options | {"shown": "error"},
    )
    left, right = st.columns(2)
    with left:
        picture(selection, errors, View(opacity=view.opacity), "Standard error of every value.")
    with right:
        st.markdown(
            f"The map is made from random draws. Its values range from {attribution.values[0].min():.3g} to "
            f"{attribution.values[0].max():.3g}; their standard error is {attribution.error[0].median():.2g} in the middle and at most "
            f"{attribution.error[0].max():.2g}. Differences smaller than two standard errors may be chance. Four times the samples "
            "halve the error."
        )
