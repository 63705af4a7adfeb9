"""Long work starts at a click that says what it takes; short work by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import streamlit as st

import explainers as ex
from pages.common.app import session
from pages.common.app.progress import duration
from pages.common.run.words import passes_in_words

PATIENCE = 20.0
"""Seconds of predicted work that starts by itself, on every page."""


@dataclass(frozen=True)
class Offer:
    """The button that starts work.

    Attributes:
        label: with {passes} and {time} where it says them. What kind of passes stands below it, for a narrow screen cuts long
            buttons off.
        unasked: whether work within PATIENCE starts without the button.
    """

    label: str
    icon: str = ":material/play_arrow:"
    kind: Literal["primary", "secondary"] = "primary"
    key: str | None = None
    unasked: bool = True


def confirmed(work: str, prices: Callable[[], Sequence[ex.Cost]], offer: Offer) -> bool:
    """Whether work may start. Where not yet, the button that starts it is drawn, with what it takes.

    Args:
        work: a hash of all that it depends on: who agrees to some work has not agreed to that of the next model or picture.
        prices: what its parts are predicted to take; asked for only while the visitor has not agreed.
    """
    agreed = session.agreed(work)
    if agreed.get():
        return True
    price = sum(prices(), ex.Cost())
    if offer.unasked and price.seconds <= PATIENCE:
        return True
    passes = price.forward + price.backward
    label = offer.label.format(passes=f"{passes:,}", time=duration(price.seconds))
    st.button(label, icon=offer.icon, type=offer.kind, key=offer.key, on_click=agreed.set, args=(True,))
    if passes:
        st.caption(f"{passes_in_words(price.forward, price.backward)}.")
    return False
