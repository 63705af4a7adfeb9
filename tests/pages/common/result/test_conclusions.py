"""Two questions, each with its grade and its reason; a grade is never told by its colour alone."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

import explainers as ex
from pages.common.result.conclusions import FAITHFUL, LOOKS, ground_of, map_conclusion
from pages.common.result.map_checks import MapChecks
from pages.common.sections.story import scene


def page(question: str, grade: str, reason: str) -> None:
    import explainers as ex
    from pages.common.result.conclusions import conclude

    conclude(question, ex.Grade(grade), reason)


@pytest.mark.parametrize("grade", list(ex.Grade))
def test_a_conclusion_is_a_question_a_grade_and_a_reason(grade: ex.Grade) -> None:
    app = AppTest.from_function(page, args=("Is it so?", str(grade), "It was measured.")).run()
    (said,) = [str(markdown.value) for markdown in app.markdown]
    assert said.startswith("**Is it so?** ")
    assert f" {grade}]" in said
    assert said.endswith("It was measured.")


def test_every_grade_has_a_colour_and_a_sign_of_its_own() -> None:
    assert set(LOOKS) == set(ex.Grade)
    assert len({icon for _, icon in LOOKS.values()}) == len(LOOKS)


def test_what_the_page_says_is_what_the_library_says() -> None:
    selection = scene("demo:signs-cnn", "scene:1000050")
    attribution = ex.explain(selection.model, selection.image, "grad-cam")
    verdict = map_conclusion(MapChecks(selection, attribution))
    assert (verdict.grade, verdict.reason) == (
        (again := ex.verify(selection.model, selection.image, attribution)).grade,
        again.reason,
    )
    ground = ground_of(selection)
    expected = ex.answer_ground(selection.model, selection.image, selection.target)
    assert (ground.grade, ground.reason) == (expected.grade, expected.reason)
    assert ground_of(selection) is ground, "looked at once"
    assert FAITHFUL.endswith("?")
