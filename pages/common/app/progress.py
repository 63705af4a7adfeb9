"""Progress on screen, which is also where a run that a newer one has replaced stops."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.common.app import session

PATIENCE = 0.4  # seconds without a bar: quick work should not flicker


class ProgressBar:
    """A progress bar that appears only for work that takes a while.

    Call it between chunks of work: if a control was moved meanwhile, Streamlit raises in here and the
    old work ends.
    """

    def __init__(self, slot: DeltaGenerator, title: str) -> None:
        self._slot = slot
        self._title = title
        self._started = time.monotonic()

    def __call__(self, share: float, words: str) -> None:
        session.end_if_replaced()
        if time.monotonic() - self._started > PATIENCE:
            self._slot.progress(min(1.0, max(0.0, share)), text=f"{self._title} · {words}")

    def downloaded(self, received: int, size: int | None) -> None:
        """Call it between chunks of a download, with bytes; the size is None where the server does not tell it."""
        self(received / (size or received or 1), "downloading")


@contextmanager
def progress_bar(title: str) -> Iterator[ProgressBar]:
    """A bar for the work inside, at this place of the page; none is left behind, also where the work fails."""
    slot = st.empty()
    try:
        yield ProgressBar(slot, title)
    finally:
        slot.empty()
