"""Badges that explain themselves: a word and its colour at a glance, the sentence behind them by mouse, keyboard or touch."""

from __future__ import annotations

from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

BadgeColour = Literal["green", "orange", "red", "blue", "gray"]


def badge_row() -> DeltaGenerator:
    """A place for badges beside one another, as close as a pointer can tell apart: `with badge_row(): badge(...)`."""
    return st.container(horizontal=True, gap="xsmall")


def badge(label: str, colour: BadgeColour, icon: str, explanation: str) -> None:
    """A badge that is one stop of the Tab key; Enter, a click or a touch opens its explanation, Escape closes it.

    A tooltip would not do: it cannot be had on a touch screen.

    Args:
        label: a few words, with the number if there is one.
        icon: one of Streamlit's, such as `:material/check:`; the colour is never the only sign.
        explanation: what was found and what it means, in sentences; Markdown.
    """
    # Brackets would end the badge within the label's Markdown.
    words = label.replace("[", "(").replace("]", ")")
    with st.popover(f":{colour}-badge[{icon} {words}]", type="tertiary", width="content"):
        st.markdown(explanation)
