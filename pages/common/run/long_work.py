"""The one rule for what takes long, on every page.

Work that is predicted to take longer than PATIENCE waits for a click that says what it takes. Whatever runs tells how long it
still takes, and can be stopped; what was stopped says so, and can be started again."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

import streamlit as st

import explainers as ex
from pages.common.app import session
from pages.common.app.caches import result_cache
from pages.common.app.errors import Waiting
from pages.common.app.progress import ProgressBar, progress_bar
from pages.common.app.selection import short_hash
from pages.common.run.confirm import Offer, confirmed

T = TypeVar("T")
START = "Start: {passes} passes, about {time}"
FEW = 8
"""Passes that are not priced: finding the pace of a network takes more of them."""


def result_of(
    title: str,
    key: tuple[Hashable, ...],
    make: Callable[[ProgressBar], T],
    price: Callable[[], ex.Cost] | None = None,
    label: str = START,
) -> T:
    """What the work makes, made once and kept for all visitors.

    Args:
        title: of the work, for its progress.
        key: of the result among all results: everything that it depends on.
        price: what the work is predicted to take, asked for once; None where it takes a few passes and no more.
        label: of the button that starts long work.

    Raises:
        Waiting: it has not been started, or was stopped; the page says so, with the button that starts it.
    """
    result: T | None = result_cache().find(key)
    if result is not None:
        return result
    work = short_hash(key)
    stopped = session.stopped(work)
    if stopped.get():
        _offer_again(title, work)
        raise Waiting
    if price is not None:
        wait_for_start(key, price, label)
    with progress_bar(title, stop=stopped) as bar:
        return result_cache().get(key, lambda: make(bar))


def wait_for_start(key: tuple[Hashable, ...], price: Callable[[], ex.Cost], label: str = START) -> None:
    """Go on if the work is short or was started by the visitor; arguments as of `result_of`.

    Raises:
        Waiting: it is long, and has not been started; the button that starts it is drawn.
    """
    work = short_hash(key)
    if not confirmed(work, lambda: [result_cache().get(("price", *key), price)], Offer(label, key=f"start_{work}")):
        raise Waiting


def _offer_again(title: str, work: str) -> None:
    """Say that the work was stopped, beside the button that starts it anew."""

    def start() -> None:
        session.agreed(work).set(True)
        session.stopped(work).set(False)

    with st.container(horizontal=True, vertical_alignment="center"):
        st.info(f"Stopped: {title}.", icon=":material/pause:")
        st.button("Start again", icon=":material/restart_alt:", key=f"again_{work}", on_click=start)
