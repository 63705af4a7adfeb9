"""The reliability table, from rows made by hand and from a few scenes."""

from __future__ import annotations

import pytest

import explainers as ex
from benchmarks.questions import scene_questions
from benchmarks.reliability import EDGES, SECOND, Graded, edge_detector, main, measure, summary, table

YES, NO, MIXED, UNCHECKED = ex.Grade.SUPPORTED, ex.Grade.NOT_SUPPORTED, ex.Grade.MIXED, ex.Grade.NOT_CHECKED


def rows_of(maps: str, *outcomes: tuple[bool, ex.Grade]) -> list[Graded]:
    return [Graded(maps, right, grade) for right, grade in outcomes]


ROWS = [
    *rows_of("grad-cam", (True, YES), (True, YES), (True, MIXED), (False, YES)),
    *rows_of(EDGES, (False, NO), (True, NO)),
    *rows_of(SECOND, (False, UNCHECKED)),
]


def test_a_row_per_kind_of_map() -> None:
    head, rule, *lines = table(ROWS)
    assert head.count("|") == rule.count("|")
    assert [[cell.strip() for cell in line.strip("|").split("|")] for line in lines] == [
        ["grad-cam", "4", "75%", "25%", "0%", "0%", "75%", "67%", "100%"],
        [EDGES, "2", "0%", "0%", "100%", "0%", "50%", "", "50%"],
        [SECOND, "1", "0%", "0%", "0%", "100%", "0%", "", "0%"],
    ]


def test_the_numbers_that_the_grade_is_judged_by() -> None:
    right, good, wrong = summary(ROWS)
    assert right.endswith(": 66.7%")  # two of three
    assert good.endswith(": 66.7%")  # two of the three that lie there
    assert wrong.endswith(": 0.0%")
    assert [line.rsplit(": ")[1] for line in summary([])] == ["none"] * 3
    assert list(summary([*ROWS, *rows_of(EDGES, (False, YES))]))[2].endswith(": 25.0%")


def test_the_edge_detector_is_a_method_only_for_a_while() -> None:
    model, image = ex.load_model("demo:signs-cnn"), ex.sample("scene:1000050").load()
    with edge_detector() as name:
        assert ex.explain(model, image, name).values.shape[-2:] == (96, 96)
    with pytest.raises(ex.VitrineError):
        ex.explain(model, image, name)


def test_on_a_few_scenes_good_maps_are_supported_and_ignorant_ones_are_not() -> None:
    halves = measure(scene_questions("demo:signs-cnn", 3), ["grad-cam"])
    rows = halves[0] + halves[1]
    kinds = {row.maps for row in rows}
    assert {"grad-cam", EDGES, SECOND} <= kinds
    assert len(kinds) == 6
    honest = [row for row in rows if row.maps == "grad-cam"]
    ignorant = [row for row in rows if row.maps != "grad-cam"]
    assert sum(row.grade is YES for row in honest) >= len(honest) / 2
    by_chance = [row.maps for row in ignorant if row.grade is YES]
    assert len(by_chance) <= 1, "of a hundred such maps hardly one, and no more of these few"
    assert set(by_chance) <= {"grad-cam of an untrained network, as the trained one's"}, (
        "no other kind, even of these few"
    )
    untrained = [row.grade for row in rows if row.maps == "grad-cam of an untrained network"]
    assert set(untrained) <= {UNCHECKED, NO}


def test_it_prints_both_halves_as_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--scenes", "1", "--models", "demo:signs-cnn", "--methods", "grad-cam"])
    out = capsys.readouterr().out
    assert out.count("### demo:signs-cnn: the pictures") == 2
    assert out.count("| maps | maps in all |") == 2
