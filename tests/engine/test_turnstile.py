"""The turnstile: first come, first served, and nobody is stuck."""

from __future__ import annotations

import threading
import time

import pytest

from explainers.engine import turnstile as turnstile_module
from explainers.engine.turnstile import Turnstile
from tests.support.threads import GUARD, wait_until


def queue_up(turnstile: Turnstile, names: list[str], order: list[str], leave: set[str]) -> list[threading.Thread]:
    """Let threads queue in this order; those in `leave` leave as soon as they are asked."""

    class LeftError(Exception):
        pass

    def go(name: str) -> None:
        def while_waiting() -> None:
            if name in leave:
                raise LeftError

        try:
            with turnstile.turn(while_waiting):
                order.append(name)
        except LeftError:
            order.append(f"{name} left")

    threads = []
    for place, name in enumerate(names):
        thread = threading.Thread(target=go, args=(name,), daemon=True)
        thread.start()
        threads.append(thread)
        if name not in leave:
            before = 1 + place - len(leave.intersection(names[:place]))  # with the one whose turn it is
            wait_until(lambda before=before: len(turnstile._queue) > before)
    return threads


def test_first_come_first_served():
    turnstile, order = Turnstile(), []
    names = [str(index) for index in range(12)]
    with turnstile.turn():
        threads = queue_up(turnstile, names, order, leave=set())
        wait_until(lambda: len(turnstile._queue) == 13)
        assert order == []
    for thread in threads:
        thread.join(GUARD)
    assert order == names
    assert not turnstile._queue


def test_a_waiting_caller_can_leave_and_the_others_move_up():
    turnstile, order = Turnstile(), []
    with turnstile.turn():
        threads = queue_up(turnstile, ["a", "b", "c"], order, leave={"b"})
        wait_until(lambda: order == ["b left"])
        wait_until(lambda: len(turnstile._queue) == 3)
    for thread in threads:
        thread.join(GUARD)
    assert order == ["b left", "a", "c"]


def test_a_caller_whose_turn_it_is_at_once_is_not_asked():
    calls = []
    with Turnstile().turn(lambda: calls.append(1)):
        pass
    assert calls == []


def test_an_error_inside_a_turn_gives_it_back():
    turnstile = Turnstile()
    with pytest.raises(KeyError), turnstile.turn():
        raise KeyError
    entered = threading.Event()

    def other() -> None:
        with turnstile.turn():
            entered.set()

    threading.Thread(target=other, daemon=True).start()
    assert entered.wait(GUARD)


def test_one_at_a_time_and_no_deadlock_in_a_crowd():
    turnstile, inside, most, turns = Turnstile(), [0], [0], [0]

    def work() -> None:
        for _ in range(40):
            with turnstile.turn():
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                time.sleep(0)
                turns[0] += 1
                inside[0] -= 1

    threads = [threading.Thread(target=work, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(GUARD)
        assert not thread.is_alive()
    assert (most[0], turns[0]) == (1, 320)


def test_a_turn_is_passed_on_at_once_rather_than_at_the_next_look(monkeypatch):
    """A waiting caller is woken: here it would look again only long after the test was given up."""
    monkeypatch.setattr(turnstile_module, "PATIENCE", 100 * GUARD)
    turnstile, entered = Turnstile(), threading.Event()

    def wait() -> None:
        with turnstile.turn():
            entered.set()

    with turnstile.turn():
        threading.Thread(target=wait, daemon=True).start()
        wait_until(lambda: len(turnstile._queue) == 2)
    assert entered.wait(GUARD)


def test_who_is_through_passes_again_and_still_holds_the_others_back():
    turnstile, order = Turnstile(), []
    with turnstile.turn():
        threads = queue_up(turnstile, ["next"], order, leave=set())
        with turnstile.turn():
            order.append("inner")
        assert turnstile._inside == threading.get_ident()
        assert len(turnstile._queue) == 2
        order.append("outer")
    threads[0].join(GUARD)
    assert order == ["inner", "outer", "next"]
