"""Progress on screen, which is also where a run that a newer one has replaced stops."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.common.app import session

PATIENCE = 0.4  # seconds without a bar: quick work should not flicker
FORESEEABLE = 1.0, 0.02  # seconds of work, and the share of it done, from which the rest can be told


class ProgressBar:
    """A progress bar that appears only for work that takes a while, with how long it still takes and what stops it.

    Call it between chunks of work: if a control was moved or Stop was pressed meanwhile, Streamlit raises in here and the
    old work ends.
    """

    def __init__(self, slot: DeltaGenerator, title: str, stop: session.Slot[bool] | None = None) -> None:
        self._slot = slot
        self._title = title
        self._stop = stop
        self._bar: DeltaGenerator | None = None
        self._started = time.monotonic()

    def __call__(self, share: float, words: str) -> None:
        session.end_if_replaced()
        elapsed = time.monotonic() - self._started
        if elapsed > PATIENCE:
            share = min(1.0, max(0.0, share))
            self._drawn().progress(share, text=f"{self._title} · {words}{remaining(share, elapsed)}")

    def _drawn(self) -> DeltaGenerator:
        """The place of the bar, with the button beside it, which is drawn once: its callback is of the run that follows."""
        if self._bar is None:
            with self._slot.container(horizontal=True, vertical_alignment="center"):
                self._bar = st.empty()
                if self._stop is not None:
                    st.button(
                        "Stop",
                        icon=":material/stop:",
                        key=f"stop{self._stop.key}",
                        on_click=self._stop.set,
                        args=(True,),
                    )
        return self._bar

    def downloaded(self, received: int, size: int | None) -> None:
        """Call it between chunks of a download, with bytes; the size is None where the server does not tell it."""
        self(received / (size or received or 1), "downloading")


@contextmanager
def progress_bar(title: str, stop: session.Slot[bool] | None = None) -> Iterator[ProgressBar]:
    """A bar for the work inside, at this place of the page; none is left behind, also where the work fails.

    Args:
        stop: where to note that the visitor has stopped the work, by a button beside the bar.
    """
    slot = st.empty()
    try:
        yield ProgressBar(slot, title, stop)
    finally:
        slot.empty()


def remaining(share: float, elapsed: float, whole: float = 1.0) -> str:
    """How long work still takes if it goes on as it did, once that can be told.

    Args:
        share: of the work, done in `elapsed` seconds.
        whole: what there was to do when it began.
    """
    seconds, least = FORESEEABLE
    if elapsed < seconds or share < least or share >= whole:
        return ""
    return f" · about {duration(elapsed * (whole - share) / share)} left"


def duration(seconds: float) -> str:
    """Seconds in words."""
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
