"""The turnstile: first come, first served, and nobody is stuck."""

from __future__ import annotations

import threading
import time

import pytest

from explainers.engine.turnstile import Turnstile


def wait_until(condition, patience: float = 10) -> None:
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.001)


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
    names = [str(number) for number in range(12)]
    with turnstile.turn():
        threads = queue_up(turnstile, names, order, leave=set())
        wait_until(lambda: len(turnstile._queue) == 13)
        assert order == []
    for thread in threads:
        thread.join(10)
    assert order == names
    assert not turnstile._queue


def test_a_waiting_caller_can_leave_and_the_others_move_up():
    turnstile, order = Turnstile(), []
    with turnstile.turn():
        threads = queue_up(turnstile, ["a", "b", "c"], order, leave={"b"})
        wait_until(lambda: order == ["b left"])
        wait_until(lambda: len(turnstile._queue) == 3)
    for thread in threads:
        thread.join(10)
    assert order == ["b left", "a", "c"]


def test_a_caller_whose_turn_it_is_at_once_is_not_asked():
    asked = []
    with Turnstile().turn(lambda: asked.append(1)):
        pass
    assert asked == []


def test_an_error_inside_a_turn_gives_it_back():
    turnstile = Turnstile()
    with pytest.raises(KeyError), turnstile.turn():
        raise KeyError
    entered = threading.Event()

    def other() -> None:
        with turnstile.turn():
            entered.set()

    threading.Thread(target=other, daemon=True).start()
    assert entered.wait(10)


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
        thread.join(30)
        assert not thread.is_alive()
    assert (most[0], turns[0]) == (1, 320)


def test_a_turn_is_passed_on_at_once_rather_than_at_the_next_look():
    """A waiting caller is woken; it does not sleep until it looks again."""
    turnstile, waits = Turnstile(), []
    for _ in range(20):
        got = threading.Event()

        def wait(got: threading.Event = got) -> None:
            with turnstile.turn():
                waits.append(time.perf_counter())
                got.set()

        with turnstile.turn():
            threading.Thread(target=wait, daemon=True).start()
            wait_until(lambda: len(turnstile._queue) == 2)
            time.sleep(0.002)
            waits.append(-time.perf_counter())
        assert got.wait(10)
    delays = sorted(waits[place] + waits[place + 1] for place in range(0, len(waits), 2))
    assert delays[len(delays) // 4] < 0.02


def test_who_is_through_passes_again_and_still_holds_the_others_back():
    turnstile, order = Turnstile(), []
    with turnstile.turn():
        threads = queue_up(turnstile, ["next"], order, leave=set())
        with turnstile.turn():
            order.append("inner")
        time.sleep(0.01)
        order.append("outer")
    threads[0].join(10)
    assert order == ["inner", "outer", "next"]
