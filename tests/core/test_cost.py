"""Costs add, are subtracted and multiplied, and forget nothing on the way."""

from __future__ import annotations

import pytest

from explainers.core.cost import Cost

BOXED = Cost(forward=10, backward=4, seconds=2.0, half=6, box=(8, 12))


def test_every_part_is_added() -> None:
    assert BOXED + Cost(1, 2, 0.5, 1, (8, 12)) == Cost(11, 6, 2.5, 7, (8, 12))
    assert sum([BOXED, BOXED, BOXED], Cost()) == BOXED * 3 == Cost(30, 12, 6.0, 18, (8, 12))


def test_what_was_spent_since_is_the_difference() -> None:
    before, after = Cost(3, 1, 0.5, 2), Cost(10, 4, 2.0, 6)
    assert after - before == Cost(7, 3, 1.5, 4)
    assert before + (after - before) == after
    assert BOXED - Cost() == BOXED


@pytest.mark.parametrize(
    ("other", "box"),
    [
        (Cost(5, box=(8, 12)), (8, 12)),
        (Cost(5, box=(8, 11)), None),
        (Cost(5), None),  # these passes may change the input anywhere
        (Cost(0, 5), None),
        (Cost(seconds=1.0), (8, 12)),  # no passes: nothing is changed
        (Cost(), (8, 12)),
    ],
)
def test_a_box_stays_where_all_passes_keep_to_it(other: Cost, box: tuple[int, int] | None) -> None:
    assert (BOXED + other).box == (other + BOXED).box == box


def test_parts_of_a_cost_are_whole_passes() -> None:
    assert Cost(2, 1, 0.5, 2, (8, 12)) == BOXED * 0.25
    assert Cost(box=(8, 12)) == BOXED * 0


def test_work_that_shares_its_passes_takes_the_larger_of_each_kind() -> None:
    assert Cost(10, 1, 2.0, 0).largest(Cost(4, 3, 1.0, 2)) == Cost(10, 3, 2.0, 2)
    assert BOXED.largest(BOXED).box is None
