"""The grade of a map, from findings made by hand."""

from __future__ import annotations

import pytest

from explainers.trust.faithfulness import CONTRADICTING, faithfulness
from explainers.trust.finding import Finding
from explainers.trust.grade import Grade

PLACE, CLASS = "faithfulness-correlation", "target-sensitivity"


def finding(check: str, good: bool | None, value: float | None = 0.5) -> Finding:
    return Finding(check, value, good, f"The sentence of {check}.", f"the clause of {check}")


def graded(*findings: Finding) -> tuple[Grade, str]:
    conclusion = faithfulness({each.check: each for each in findings})
    return conclusion.grade, conclusion.reason


IS_MAP = finding("map", True, 1.0)
RIGHT_PLACE, RIGHT_CLASS = finding(PLACE, True), finding(CLASS, True)


def test_a_place_that_matters_and_a_map_of_its_own_are_supported() -> None:
    assert graded(IS_MAP, RIGHT_PLACE, RIGHT_CLASS) == (
        Grade.SUPPORTED,
        f"The clause of {PLACE}; the clause of {CLASS}.",
    )


@pytest.mark.parametrize("place", [True, False, None])
def test_what_is_no_map_is_not_supported_whatever_else_is_said(place: bool | None) -> None:
    broken = finding("map", False, 0.0)
    assert graded(broken, finding(PLACE, place), RIGHT_CLASS) == (Grade.NOT_SUPPORTED, "The sentence of map.")


def test_without_the_check_of_its_place_a_map_is_not_checked() -> None:
    grade, reason = graded(IS_MAP, RIGHT_CLASS, finding("deletion", True))
    assert grade is Grade.NOT_CHECKED
    assert reason == "No check of where the map lies was made."
    assert graded()[0] is Grade.NOT_CHECKED


def test_where_nothing_could_be_measured_it_is_not_checked_and_the_reason_says_why() -> None:
    nothing = finding(PLACE, None, None)
    assert graded(IS_MAP, nothing, RIGHT_CLASS) == (Grade.NOT_CHECKED, f"The sentence of {PLACE}.")
    assert graded(IS_MAP, nothing, finding(CLASS, False))[0] is Grade.NOT_CHECKED


def test_a_place_that_does_not_matter_is_not_supported() -> None:
    assert graded(IS_MAP, finding(PLACE, False), RIGHT_CLASS) == (Grade.NOT_SUPPORTED, f"The clause of {PLACE}.")


def test_a_place_that_matters_only_loosely_is_mixed() -> None:
    assert graded(IS_MAP, finding(PLACE, None), RIGHT_CLASS) == (Grade.MIXED, f"The clause of {PLACE}.")
    grade, reason = graded(IS_MAP, finding(PLACE, None), finding(CLASS, False))
    assert grade is Grade.MIXED
    assert reason == f"The clause of {PLACE}; the clause of {CLASS}."


def test_a_map_of_every_class_is_mixed() -> None:
    grade, reason = graded(IS_MAP, RIGHT_PLACE, finding(CLASS, False))
    assert (grade, reason) == (Grade.MIXED, f"The clause of {PLACE}; but the clause of {CLASS}.")


def test_whose_class_was_not_asked_for_is_mixed() -> None:
    grade, reason = graded(IS_MAP, RIGHT_PLACE)
    assert grade is Grade.MIXED
    assert reason.endswith("but whether another class would have another map is not checked.")


def test_a_model_without_another_class_can_still_be_supported() -> None:
    nothing_else = Finding(CLASS, None, None, "Not checked: there is no other class.")
    assert graded(IS_MAP, RIGHT_PLACE, nothing_else) == (Grade.SUPPORTED, f"The clause of {PLACE}.")


@pytest.mark.parametrize("name", CONTRADICTING)
def test_each_contradiction_makes_it_mixed(name: str) -> None:
    grade, reason = graded(IS_MAP, RIGHT_PLACE, RIGHT_CLASS, finding(name, False))
    assert (grade, reason) == (Grade.MIXED, f"The clause of {PLACE}; but the clause of {name}.")
    assert graded(IS_MAP, RIGHT_PLACE, RIGHT_CLASS, finding(name, None))[0] is Grade.SUPPORTED
    assert graded(IS_MAP, RIGHT_PLACE, RIGHT_CLASS, finding(name, True))[0] is Grade.SUPPORTED


@pytest.mark.parametrize(
    ("deletion", "insertion", "grade"),
    [
        (False, False, Grade.MIXED),
        (False, True, Grade.SUPPORTED),
        (True, False, Grade.SUPPORTED),
        (False, None, Grade.SUPPORTED),
        (True, True, Grade.SUPPORTED),
    ],
)
def test_the_curves_speak_against_a_map_only_together(
    deletion: bool | None, insertion: bool | None, grade: Grade
) -> None:
    curves = finding("deletion", deletion), finding("insertion", insertion)
    assert graded(IS_MAP, RIGHT_PLACE, RIGHT_CLASS, *curves)[0] is grade


def test_one_curve_alone_speaks_against_it_too() -> None:
    assert graded(IS_MAP, RIGHT_PLACE, RIGHT_CLASS, finding("deletion", False))[0] is Grade.MIXED


@pytest.mark.parametrize("name", ["pointing-game", "energy-inside", "truth-overlap", "agreement"])
@pytest.mark.parametrize("good", [True, False])
def test_the_truth_and_other_maps_take_no_part(name: str, good: bool) -> None:
    """The faithful map of a network that learnt a shortcut lies beside what is known to matter."""
    with_it = graded(IS_MAP, RIGHT_PLACE, RIGHT_CLASS, finding(name, good))
    assert with_it == graded(IS_MAP, RIGHT_PLACE, RIGHT_CLASS)
