"""Passes, chunk by chunk: progress, cancellation, and what was counted."""

from __future__ import annotations

import threading

import pytest

from explainers.api import explain
from explainers.core.errors import Cancelled
from tests.support.methods import METHODS, quick
from tests.support.models.networks import fixed_engine, random_inputs, small_model
from tests.support.threads import GUARD, wait_until


# The top class is one forward pass more that was announced; that a class is named changes nothing else.
@pytest.mark.parametrize(
    ("method", "target"),
    [*((method, None) for method in METHODS), *((method, 1) for method in ("gradient", "grad-cam", "rise"))],
)
def test_progress_rises_from_nothing_to_all(method, target):
    reports: list[tuple[float, str]] = []
    explain(
        small_model(),
        random_inputs(3),
        method,
        target,
        engine=fixed_engine(1),
        progress=lambda share, words: reports.append((share, words)),
        **quick(method),
    )
    shares = [share for share, _ in reports]
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert len(set(shares)) >= 4
    assert all(words for _, words in reports)


def test_progress_of_several_methods_never_passes_one():
    shares: list[float] = []
    names = ["gradient", "integrated-gradients", "deeplift", "grad-cam"]
    explain(small_model(), random_inputs(2), names, progress=lambda share, _: shares.append(share))
    assert shares == sorted(shares)
    assert 0 == shares[0] < shares[-1] <= 1


def test_cancel_stops_within_one_chunk(tripwire):
    cancel = threading.Event()
    rows_at_cancel = []

    def progress(share: float, words: str) -> None:
        if len(tripwire.seen) == 5:
            cancel.set()
            rows_at_cancel.append(len(tripwire.seen))

    with pytest.raises(Cancelled):
        explain(
            small_model(),
            random_inputs(1),
            "integrated-gradients",
            0,
            steps=100,
            engine=fixed_engine(1),
            progress=progress,
            cancel=cancel,
        )
    assert rows_at_cancel
    assert len(tripwire.seen) == 5


def test_cancel_from_another_thread(tripwire):
    cancel, begun, chunks = threading.Event(), threading.Event(), []

    def other() -> None:
        begun.wait(GUARD)
        cancel.set()

    def progress(share: float, _: str) -> None:
        if share > 0:
            chunks.append(len(tripwire.seen))
            begun.set()
            assert cancel.wait(GUARD)

    threading.Thread(target=other, daemon=True).start()
    with pytest.raises(Cancelled):
        explain(
            small_model(),
            random_inputs(50),
            "integrated-gradients",
            0,
            steps=500,
            engine=fixed_engine(1),
            progress=progress,
            cancel=cancel,
        )
    assert chunks == [len(tripwire.seen)], "it went on after it was cancelled"


@pytest.mark.parametrize("method", ["gradient", "grad-cam", "deeplift"])
def test_a_cancelled_caller_leaves_the_queue_without_its_turn(method):
    engine, cancel = fixed_engine(1), threading.Event()
    model = small_model()
    left: list[str] = []

    def waiting() -> None:
        try:
            explain(model, random_inputs(1), method, 0, engine=engine, cancel=cancel)
        except Cancelled:
            left.append("left")

    with engine.turnstile.turn():
        thread = threading.Thread(target=waiting, daemon=True)
        thread.start()
        wait_until(lambda: len(engine.turnstile._queue) == 2)
        cancel.set()
        thread.join(GUARD)
        assert left == ["left"]
    assert len(engine.turnstile._queue) == 0


def test_nothing_is_computed_once_it_is_cancelled(tripwire):
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        explain(small_model(), random_inputs(1), "gradient", 0, cancel=cancel)
    assert tripwire.seen == []
