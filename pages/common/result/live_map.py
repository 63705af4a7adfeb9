"""Maps that are shown while they are being made: stopped, continued, and shared by all who look at the same one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import streamlit as st

import explainers as ex
from pages.common.app import session
from pages.common.app.caches import MEGABYTE, result_cache
from pages.common.app.progress import remaining
from pages.common.app.selection import Selection, short_hash
from pages.common.result.pictures import picture
from pages.common.result.view import View
from pages.common.run.explain import explain_with_progress, price_of
from pages.common.run.long_work import wait_for_start

REDRAW = 0.5  # seconds between two pictures of a map in the making


class Refinement:
    """A map in the making, and how far it has come. Nothing happens to it between two steps, so leaving it stops it."""

    nbytes = 8 * MEGABYTE  # masks that wait to be used, roughly

    def __init__(self, steps: Iterator[ex.Attribution]) -> None:
        self._steps = steps
        self._lock = threading.Lock()
        self.latest: ex.Attribution | None = None
        self.finished = False
        self._failed: Exception | None = None

    def step(self) -> None:
        """Make one more chunk of it, unless it is finished. Where a step failed, there is no other: each raises the same again."""
        with self._lock:
            if self._failed is not None:
                raise self._failed
            if self.finished:
                return
            try:
                step = next(self._steps, None)
            except Exception as error:
                self._failed = error
                raise
            self.finished = step is None
            self.latest = step or self.latest


def refine_with_progress(
    selection: Selection, method: ex.Method, options: dict[str, Any], view: View
) -> ex.Attribution:
    """`ex.refine` for what the sidebar chose, drawn as it comes, until it is done, has settled or is stopped.

    Methods that have no map before they are done are explained as everywhere. Long work waits for a click by the rule of all pages.
    """
    if not method.anytime:
        attribution: ex.Attribution = explain_with_progress(selection, method, options)
        return attribution
    key = ("refined", *selection.key, method.name, repr(sorted(options.items())))
    work: Refinement = result_cache().get(
        key, lambda: Refinement(ex.refine(selection.model, selection.image, method.name, selection.target, **options))
    )
    if not work.finished:
        wait_for_start(key, lambda: price_of(selection.model, selection.image, method, options))
    stopped = session.stopped(short_hash(key))
    slot = st.empty()
    if not work.finished and not stopped.get():
        try:
            with slot.container():
                _draw_until_done(selection, method, view, work, stopped)
        except Exception:
            slot.empty()
            result_cache().drop(key)  # the next run of the page begins anew: what was in the way may be gone by then
            raise
        slot.empty()
    latest = work.latest
    if not work.finished:
        done = (
            "before there was a map."
            if latest is None
            else f"after {latest.share:.0%} of the work; nothing of it is lost."
        )
        with slot.container(horizontal=True, vertical_alignment="center"):
            st.info(f"Stopped {done}", icon=":material/pause:")
            st.button("Go on", icon=":material/play_arrow:", on_click=stopped.set, args=(False,))
    if latest is None:
        st.stop()
    return latest


def _draw_until_done(
    selection: Selection, method: ex.Method, view: View, work: Refinement, stopped: session.Slot[bool]
) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(0.0, text=method.title)
        st.button("Stop here", icon=":material/pause:", on_click=stopped.set, args=(True,))
    drawing = st.empty()
    begun, before = time.monotonic(), work.latest.share if work.latest else 0.0
    drawn = 0.0
    while True:
        work.step()
        latest = work.latest
        if work.finished or latest is None:
            return
        # Where a newer run of the page has replaced this one, the next line ends it.
        left = remaining(latest.share - before, time.monotonic() - begun, 1 - before)
        bar.progress(latest.share, text=_progress(method, latest) + left)
        if time.monotonic() - drawn > REDRAW:
            with drawing.container():
                picture(selection, latest, view, "So far.", keep=False)
            drawn = time.monotonic()


def _progress(method: ex.Method, latest: ex.Attribution) -> str:
    known = "" if latest.reliability is None else f" · reliability {latest.reliability:.2f}"
    return f"{method.title} · {latest.cost.forward:,} passes{known}"
