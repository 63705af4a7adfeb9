"""Long work starts at a click that says what it takes; short work by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import streamlit as st

import explainers as ex
from pages.common.app import session
from pages.common.app.caches import result_cache
from pages.common.app.selection import Selection, short_hash
from pages.common.run.words import duration, passes_in_words

PATIENCE = 20.0  # seconds of predicted work that starts by itself
PATIENCE_WITH_A_PICTURE = 120.0  # where the map shows from the first second on, and can be stopped


@dataclass(frozen=True)
class Offer:
    """The button that starts work.

    Attributes:
        label: with {passes} and {time} where it says them. What kind of passes stands below it, for a narrow screen cuts long
            buttons off.
        patience: seconds of predicted work that starts without the button; None where it always waits for it.
    """

    label: str
    icon: str = ":material/play_arrow:"
    kind: Literal["primary", "secondary"] = "primary"
    key: str | None = None
    patience: float | None = PATIENCE


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
    if offer.patience is not None and price.seconds <= offer.patience:
        return True
    label = offer.label.format(passes=f"{price.forward + price.backward:,}", time=duration(price.seconds))
    st.button(label, icon=offer.icon, type=offer.kind, key=offer.key, on_click=agreed.set, args=(True,))
    st.caption(f"{passes_in_words(price.forward, price.backward)}.")
    return False


def explanation_confirmed(selection: Selection, method: ex.Method, options: dict[str, Any]) -> bool:
    """Whether a map may be made; says what it takes either way."""
    key = ("price", *selection.key[:2], method.name, repr(sorted(options.items())))
    price: ex.Cost = result_cache().get(
        key, lambda: ex.estimate(selection.model, selection.image, method.name, **options)
    )
    patience = PATIENCE_WITH_A_PICTURE if method.anytime else PATIENCE
    offer = Offer("Start: {passes} passes, about {time}", patience=patience)
    if not confirmed(short_hash(key), lambda: [price], offer):
        return False
    st.caption(f"Predicted: {passes_in_words(price.forward, price.backward)}, about {duration(price.seconds)}.")
    return True
