"""The sidebar: one model, one input and one target for every page, kept in the URL."""

from __future__ import annotations

from typing import NoReturn

import streamlit as st

import explainers as ex
from pages.common.app import session
from pages.common.app.errors import complain, sentences
from pages.common.app.navigation import come_in_by_the_door
from pages.common.app.selection import Selection, predicted, words_key
from pages.common.sidebar.hidden_fields import hidden_fields
from pages.common.sidebar.model_picker import model_form
from pages.common.sidebar.picture_picker import picture_form
from pages.common.sidebar.remedies import BUNDLED, offer_models, offer_remedy, remembered
from pages.common.sidebar.target_picker import target_form


def sidebar() -> None:
    """Draw the sidebar's controls, once per run, before the page."""
    session.MODEL.set(None)
    session.SELECTION.set(None)
    with st.sidebar:
        hidden_fields()
        note = ""
        with sentences() as errors, remembered():
            model, code = model_form()
            session.MODEL.set((model, code))
            note = model.note
            if model.takes_images:
                image, image_key, image_code = picture_form()
                target, target_code = target_form(model, predicted(model, image, image_key))
                key = (words_key(model), image_key, target_code)
                session.SELECTION.set(Selection(model, image, target, code, image_code, target_code, key))
        session.SIDEBAR_ERRORS.set(errors)
        st.caption("  \n".join([*([note] if note else []), f":material/memory: {ex.engine_for().describe()}"]))


def selected_model() -> tuple[ex.Model, str]:
    """The model chosen in the sidebar and the code that loads it; stops the page where loading failed."""
    come_in_by_the_door()
    model_and_code = session.MODEL.get()
    if model_and_code is None:
        _repeat_the_sidebar()
    _warn_if_untrained(model_and_code[0])
    return model_and_code


def current_selection() -> Selection:
    """What the sidebar chose; stops the page where there is no picture to look at."""
    come_in_by_the_door()
    if (model_and_code := session.MODEL.get()) is not None:
        _stop_if_it_takes_no_pictures(*model_and_code)
    selection = session.SELECTION.get()
    if selection is None:
        _repeat_the_sidebar()
    _warn_if_untrained(selection.model)
    return selection


def _stop_if_it_takes_no_pictures(model: ex.Model, code: str) -> None:
    if model.takes_images:
        return
    st.info(
        f"{model.name} takes {model.input_shape[0]} numbers, not a picture, so there is nothing to draw a map on. Its weights "
        "can be looked at, and from Python it can be explained.",
        icon=":material/table_rows:",
    )
    offer_models(BUNDLED)
    st.page_link("pages/weight_stats.py")
    zeros = f"torch.zeros(1, {model.input_shape[0]})"
    call = f'a = ex.explain(model, {zeros}, method="integrated-gradients")'
    with st.expander("From Python", icon=":material/code:"):
        st.code(f"import torch\n\nimport explainers as ex\n\n{code}\n{call}", language="python", wrap_lines=True)
    st.stop()


def _repeat_the_sidebar() -> NoReturn:
    """Say in the page what the sidebar said instead of a choice, for a narrow screen hides the sidebar; stops the page."""
    for sentence in session.SIDEBAR_ERRORS.get():
        complain(sentence)
    offer_remedy()
    st.stop()


def _warn_if_untrained(model: ex.Model) -> None:
    """Say on every page if the weights are random."""
    if model.untrained:
        st.warning(
            f"{model.name} is untrained: its weights are random, so its answers and maps mean nothing.",
            icon=":material/casino:",
        )
