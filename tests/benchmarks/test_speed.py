"""Measurements become rows that say what is required and whether it holds; the measurements themselves are `make bench`."""

from __future__ import annotations

import pytest

from benchmarks.case import Case, Requirement
from benchmarks.speed import rows_of_memory, rows_of_time
from benchmarks.timing import Times


def test_memory_no_higher_than_theirs_meets_its_requirement() -> None:
    rows = rows_of_memory("occlusion", 50_000_000, {"a": 100_000_000, "b": 25_000_000})
    assert rows == [
        "| occlusion, peak memory | 50 MB | 0.50 x a's 100 MB | <= 1 | ok |",
        "| occlusion, peak memory | 50 MB | 2.00 x b's 25 MB | <= 1 | MISSED |",
    ]


@pytest.mark.parametrize(("ours", "theirs"), [(None, 1), (1, None)])
def test_memory_that_nobody_counted_has_no_row(ours: int | None, theirs: int | None) -> None:
    assert rows_of_memory("occlusion", ours, {"a": theirs}) == []


def test_rows_of_time_meet_or_miss_their_requirements() -> None:
    times = Times({"vitrine": [0.2, 0.2, 0.4], "floor": [0.1, 0.2, 0.4], "peer": [0.5, 0.5, 1.0]})
    case = Case("work", {}, [Requirement("floor", 1.15, True), Requirement("peer", 3.0, False)])
    assert rows_of_time(case, times) == [
        "| work | 200 ms | 1.00 x floor | <= 1.15 | ok |",
        "| work | 200 ms | 2.50 x faster than peer | >= 3 | MISSED |",
    ]
