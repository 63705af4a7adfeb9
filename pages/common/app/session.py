"""What a visitor's session holds: every private key of it stands here, and here alone.

A session is one tab. What pages and sidebar hand to one another, and what has to outlive a run of the script, lies in slots; what
widgets hold is read and set through the functions below, so that a look at this file tells all that survives a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

import explainers as ex
from pages.common.app.selection import Selection

T = TypeVar("T")


@dataclass(frozen=True)
class Slot(Generic[T]):
    """One private value of the session.

    Attributes:
        key: begins with an underline, as that of no widget in the address does.
        empty: what is there before anything was set.
    """

    key: str
    empty: T

    def get(self) -> T:
        value: T = st.session_state.get(self.key, self.empty)
        return value

    def set(self, value: T) -> None:
        st.session_state[self.key] = value

    def take(self) -> T:
        """What is there, which is then forgotten."""
        value: T = st.session_state.pop(self.key, self.empty)
        return value


MODEL: Slot[tuple[ex.Model, str] | None] = Slot("_model", None)
"""The model that the sidebar chose and the code that loads it; None where it could not be had."""

SELECTION: Slot[Selection | None] = Slot("_selection", None)
"""What the sidebar chose; None where something of it could not be had, or where the model takes no pictures."""


@dataclass(frozen=True)
class Remedy:
    """What can be done about an error of the sidebar's.

    Attributes:
        lost: the box whose file the server no longer keeps, the architecture that it is a checkpoint of, and its name.
        switches: words of a button, and what boxes of the sidebar hold after it is pressed.
    """

    lost: tuple[str, str, str] | None = None
    switches: tuple[tuple[str, dict[str, str]], ...] = ()


REMEDY: Slot[Remedy | None] = Slot("_remedy", None)
"""What the page can offer beside the error of the sidebar's that it repeats."""

SIDEBAR_ERRORS: Slot[Sequence[str]] = Slot("_sidebar_errors", ())
"""What the sidebar said instead of a choice, for the page to repeat."""

OPENED: Slot[bool] = Slot("_opened", False)
"""Whether main.py runs, and not the script of a page without it."""

UPLOADS: Slot[Sequence[str]] = Slot("_uploads", ())
"""The uploads that the visitor made or followed a link to, each written out whole; no two have the same name."""

REFUSED: Slot[str] = Slot("_refused", "")
"""What is wrong with the file that was uploaded last; "" if nothing is."""

FITTING: Slot[str] = Slot("_fitting", "")
"""The weights that were refused last, as those of the architecture that they look like; "" if none were or it is unknown."""

DIALOG: Slot[str] = Slot("_dialog", "")
"""The dialog that the run of the script which begins now opens; "" if none."""

TAKEN: Slot[bool] = Slot("_taken", False)
"""Whether something was taken in a dialog, which then closes."""

OWN_LIMIT: Slot[float | None] = Slot("_own_limit", None)
"""The largest value on the colour bar of the map that the page showed last.

The form that fixes the scale stands above the map, and its callback runs before the page does: the only way for it to begin with
the scale that the visitor sees is that the panel left it here when it drew the map.
"""


@dataclass(frozen=True)
class Notice:
    """What an address asked for and could not be had.

    Attributes:
        control: the key of the control that shows something else instead.
        shown: what it holds instead.
    """

    control: str
    shown: object
    sentence: str


@dataclass(frozen=True)
class Notices:
    """What is said of the address of the page, and where on it."""

    page: str
    place: DeltaGenerator
    said: tuple[Notice, ...]


NOTICES: Slot[Notices | None] = Slot("_notices", None)
"""What is said of the address; it ends with the page, or when the visitor moves the control."""


def agreed(work: str) -> Slot[bool]:
    """Whether the visitor has agreed to long work, which a hash names."""
    return Slot(f"_agreed_{work}", False)


def stopped(work: str) -> Slot[bool]:
    """Whether the visitor has stopped a map in the making, which a hash names."""
    return Slot(f"_stopped_{work}", False)


def default_of(widget: str, now: T) -> Slot[T]:
    """The default that a widget had when it was drawn last; before that, the one it has now."""
    return Slot(f"_first_{widget}", now)


def file_name_of(upload: str, name: str) -> Slot[str]:
    """The name of an upload on this visitor's computer.

    Args:
        upload: its key among the server's files.
        name: what it is called where another visitor has uploaded it.
    """
    return Slot(f"_name_of_{upload}", name)


def widget_value(key: str) -> Any:
    """What a widget holds; None before it is first drawn."""
    return st.session_state.get(key)


def set_widget(key: str, value: object) -> None:
    """Let a widget hold a value: before it is drawn in this run, or in a callback."""
    st.session_state[key] = value


def held_or_linked(key: str) -> list[str]:
    """What a box holds, one value or several, and then what the address names for it."""
    value: str | list[str] | None = st.session_state.get(key)
    return [*([value] if isinstance(value, str) else value or []), *st.query_params.get_all(key)]


def held_or_linked_anywhere() -> set[str]:
    """Every text that a box holds, and those that the address names for boxes which are not drawn yet."""
    held = [value for key, value in st.session_state.items() if not str(key).startswith("_")]
    texts = {
        text for value in held for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)
    }
    undrawn = (key for key in st.query_params if key not in st.session_state)
    return texts | {text for key in undrawn for text in st.query_params.get_all(key)}


def linked(key: str) -> list[str]:
    """What the address asks of a control that has not been drawn yet; of one that has, the visitor's choice is newer."""
    return [] if key in st.session_state else [text for text in st.query_params.get_all(key) if text]


def end_if_replaced() -> None:
    """End this run of the script if a newer one has replaced it: Streamlit raises at any look at the session then."""
    _ = "_" in st.session_state
