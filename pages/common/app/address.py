"""Controls that are kept in the address, and what is said where an address asks for something that they do not offer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

import streamlit as st

from pages.common.app import session

LONGEST = 60  # letters of a value that are repeated
CLOSE = 0.6  # likeness of two words, 0 to 1, from which on the one may be meant by the other

About = Callable[[str], str | None]
"""Names a value that a control does not offer and says why it does not, as a part of a sentence; None if it cannot tell."""


def bound(
    control: Callable[..., Any], label: str, *arguments: Any, key: str, about: About | None = None, **rest: Any
) -> Any:
    """Draw a control that is kept in the address; what the address asks and cannot have is said at the top of the page.

    Streamlit alone takes the default then, and cleans the address: a link would show another view than the one it was sent for,
    without a word.

    Args:
        control: what draws it: st.selectbox, st.multiselect, st.slider and the like, of a column or a form too.
        arguments: as the control takes them.
        key: its name in the address.
        about: why a value may be missing that the control could offer elsewhere.

    Returns:
        What the control holds.
    """
    asked = session.linked(key)
    value = control(label, *arguments, key=key, bind="query-params", **rest)
    refused = [text for text in asked if not _held(text, value)]
    if refused:
        offer = inspect.signature(control).bind(label, *arguments, **rest).arguments
        _say(session.Notice(key, value, _sentence(label, refused, value, offer, about)))
    return value


def notices(page: str) -> None:
    """Keep a place for what is to be said of the address, and say again what was said on this page and still holds."""
    before = session.NOTICES.get()
    said = before.said if before is not None and before.page == page else ()
    current = tuple(notice for notice in said if session.widget_value(notice.control) == notice.shown)
    session.NOTICES.set(session.Notices(page, st.empty(), current))
    _show()


def quoted(text: str) -> str:
    """A text of unknown origin in a sentence: on one line, short, and none of it markup."""
    plain = "".join(character if character.isprintable() and character != "`" else "?" for character in text)
    return f"`{plain if len(plain) <= LONGEST else plain[: LONGEST - 1] + '…'}`"


def _held(text: str, value: Any) -> bool:
    """Whether a text of the address is among what the control holds."""
    values = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return any(text == str(held) or _equal(text, held) for held in values)


def _equal(text: str, value: Any) -> bool:
    if isinstance(value, bool):
        return text.casefold() == str(value).casefold()
    number = _number(text)
    return isinstance(value, int | float) and number is not None and abs(number - value) <= 1e-9 * abs(value)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _sentence(label: str, refused: list[str], value: Any, offer: Mapping[str, Any], about: About | None) -> str:
    parts = [(about and about(text)) or f"{quoted(text)}, which {_why(text, offer)}" for text in refused]
    values = value if isinstance(value, list) else [value]
    shown = ", ".join(str(held) for held in values if held is not None) or "nothing"
    return f"Under **{label}** the link asks for {'; and for '.join(parts)}. Shown instead: {quoted(shown)}."


def _why(text: str, offer: Mapping[str, Any]) -> str:
    """Why a control does not offer a value, as far as what it does offer tells."""
    if "options" in offer:
        folded = {str(option).casefold(): str(option) for option in offer["options"]}
        close = get_close_matches(text.casefold(), folded, n=1, cutoff=CLOSE)
        meant = f" (did you mean {quoted(folded[close[0]])}?)" if close else ""
        return f"is not offered here{meant}"
    low, high = offer.get("min_value"), offer.get("max_value")
    if low is None:
        return "is neither true nor false"
    return f"is no number from {low:g} {'on' if high is None else f'to {high:g}'}"


def _say(notice: session.Notice) -> None:
    current = session.NOTICES.get()
    if current is None:  # the page was run without app.py, which starts again at once
        return
    session.NOTICES.set(replace(current, said=(*current.said, notice)))
    _show()


def _show() -> None:
    current = session.NOTICES.get()
    if current is not None and current.said:
        sentences = "\n\n".join(notice.sentence for notice in current.said)
        current.place.warning(sentences, icon=":material/link_off:")
