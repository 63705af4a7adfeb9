"""The tables of a load, and what a process holds."""

from __future__ import annotations

import mmap
import os

import numpy as np
import pytest

from benchmarks.load import Sight, Visits, load_table, main, quantile, resident, visits_table
from benchmarks.visitors import Answers


@pytest.mark.parametrize(("share", "expected"), [(0.5, 10.0), (0.95, 19.0), (0.01, 1.0), (1.0, 20.0)])
def test_a_quantile_is_a_value_that_was_measured(share: float, expected: float) -> None:
    """Of 1 to 20 in any order: as many as the share says are not above it."""
    values = [float(value) for value in np.random.default_rng(0).permutation(np.arange(1, 21))]
    assert quantile(values, share) == expected


def test_the_quantile_of_one_value_is_that_value() -> None:
    assert quantile([7.0], 0.5) == quantile([7.0], 0.95) == 7.0


def test_visits_are_held_against_their_bars_by_the_median() -> None:
    visits = Visits(
        ready=[9.0, 8.0, 30.0],
        first=[Sight(2.0, 3.0), Sight(2.9, 4.0), Sight(50.0, 60.0)],
        later=[Sight(1.4, 1.6), Sight(1.6, 2.0), Sight(1.5, 1.8)],
    )
    text = "\n".join(visits_table(visits))
    assert "| first | 2.90 s | < 3.0 s | ok | 4.00 s | 3 |" in text
    assert "| later | 1.50 s | < 1.5 s | MISSED | 1.80 s | 3 |" in text
    assert "ready after 9.0 s" in text


def test_a_server_that_ran_already_has_no_first_visit() -> None:
    text = "\n".join(visits_table(Visits(later=[Sight(1.0, 1.2)])))
    assert "first" not in text
    assert "ready" not in text


def test_a_load_is_told_in_milliseconds_with_its_errors() -> None:
    met = Answers(first=[0.2], rerun=[0.01 * count for count in range(1, 21)], health=[0.004, 0.008], errors=3)
    assert load_table({5: met})[-1] == "| 5 | 200 ms | 200 ms | 100 ms | 190 ms | 20 | 4 ms | 8 ms | 3 |"


def test_another_machine_is_refused_before_anything_is_started() -> None:
    with pytest.raises(SystemExit, match="only a server of this machine"):
        main(["--at", "http://example.org:8501"])


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="this system does not tell")
def test_what_a_process_holds_grows_with_what_it_holds() -> None:
    size = 64 << 20
    # Of its own: what an array takes may be what the process holds already and has not given back.
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as block:
        before = resident(os.getpid())
        for place in range(0, size, mmap.PAGESIZE):
            block[place] = 1
        after = resident(os.getpid())
    assert before is not None
    assert after is not None
    assert after - before == pytest.approx(size, abs=size / 4)


def test_a_process_that_is_gone_holds_nothing_that_could_be_told() -> None:
    assert resident(2**22 + 1) is None  # above the largest process number that Linux gives
