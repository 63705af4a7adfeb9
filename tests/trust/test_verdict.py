"""What a verdict says: careful sentences, bad things first, and where a map lies."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

import explainers as ex
from explainers.graph.redraw import redrawn
from explainers.trust.verdict import highlighted
from tests.support.attributions import SIDE, attribution_of, explained, patch_mask
from tests.support.invented import edges, invented
from tests.support.models.networks import random_inputs, small_model


def test_the_sentence_is_careful_and_says_bad_things_first() -> None:
    model, image = small_model(), random_inputs(1)
    verdict = ex.verify(model, image, explained(model, image), "all", truth=patch_mask())
    assert verdict.sentence.startswith("The map highlights ")
    assert "because" not in verdict.sentence
    assert "decided" not in verdict.sentence
    clauses = verdict.sentence.rstrip(".").split("; ")[1:]
    order = [next(f.good for f in verdict.findings if f.clause == clause) for clause in clauses]
    ranks = [{False: 0, True: 1, None: 2}[good] for good in order]
    assert ranks == sorted(ranks)
    broken = ex.verify(model, image, attribution_of(torch.zeros(1, SIDE, SIDE), image), truth=patch_mask())
    assert broken.sentence == "This is not a map to read: it is blank: every value is zero."


def test_what_is_highlighted() -> None:
    corner = torch.zeros(SIDE, SIDE)
    corner[:4, :4] = 1
    assert highlighted(corner) == "3 % of the picture, around the upper left"
    assert highlighted(torch.ones(SIDE, SIDE)) == "50 % of the picture, not in one small place"
    assert highlighted(patch_mask().double().T).startswith("3 % of the picture")
    assert highlighted(-corner) == "nothing: none of its values is positive"
    assert highlighted(torch.tensor([0.0, 5, 1, 1])) == "1 of 4 features, which hold half of its positive values"


@pytest.mark.parametrize(
    ("spots", "where"),
    [
        ([(1, 1), (13, 13)], "not in one small place"),
        ([(6, 0), (6, 13)], "not in one small place"),
        ([(1, 1), (1, 7), (7, 1), (7, 7)], "not in one small place"),
        ([(1, 1), (3, 3)], "around the upper left"),
        ([(4, 4), (4, 6), (6, 4), (6, 6)], "around the middle"),  # on the corner of four ninths
    ],
)
def test_a_place_is_named_where_something_is(spots: list[tuple[int, int]], where: str) -> None:
    heat = torch.zeros(SIDE, SIDE)
    for row, column in spots:
        heat[row : row + 2, column : column + 2] = 1
    assert highlighted(heat).split(", ", 1)[1] == where


def graded(name: str, method: str) -> ex.Verdict:
    model, image = ex.load_model(name), ex.sample("scene:1000050").load()
    return ex.verify(model, image, ex.explain(model, image, method))


@pytest.mark.parametrize(
    ("name", "method", "grade"),
    [
        ("demo:signs-cnn", "grad-cam", ex.Grade.SUPPORTED),
        ("demo:signs-shortcut", "grad-cam", ex.Grade.SUPPORTED),  # faithful, and the model is wrong
        ("demo:signs-cnn", "eigen-cam", ex.Grade.MIXED),
    ],
)
def test_the_grade_of_a_bundled_models_map(name: str, method: str, grade: ex.Grade) -> None:
    verdict = graded(name, method)
    assert verdict.grade is grade is verdict.conclusion.grade
    assert verdict.reason == verdict.conclusion.reason
    assert verdict.reason.endswith(".")
    assert "\n" not in verdict.reason


def test_edges_are_not_supported_of_a_network_that_sees_the_sign() -> None:
    with invented(edges) as method:
        verdict = graded("demo:signs-cnn", method)
    assert verdict.grade is not ex.Grade.SUPPORTED
    assert verdict["redrawn-weights"].good is False


def test_nothing_can_be_measured_on_an_untrained_network() -> None:
    trained, image = ex.load_model("demo:signs-cnn"), ex.sample("scene:1000050").load()
    network = redrawn(trained.network, seed=1)
    model = replace(trained, network=network, fingerprint="untrained")
    verdict = ex.verify(model, image, ex.explain(model, image, "grad-cam"))
    assert verdict.grade is ex.Grade.NOT_CHECKED
    assert verdict.reason.startswith("Nothing to measure")


def test_a_blank_map_is_not_supported_and_one_of_a_vector_is_not_checked() -> None:
    model, image = small_model(), random_inputs(1)
    blank = ex.verify(model, image, attribution_of(torch.zeros(1, SIDE, SIDE), image))
    assert (blank.grade, blank.reason) == (ex.Grade.NOT_SUPPORTED, blank["map"].sentence)
    vectors = ex.load_model("demo:diabetes-mlp")
    row = torch.linspace(-0.1, 0.1, 10)[None]
    verdict = ex.verify(vectors, row, ex.explain(vectors, row, "integrated-gradients"))
    assert verdict.grade is ex.Grade.NOT_CHECKED


def test_the_same_question_gets_the_same_verdict_whatever_was_seen_before() -> None:
    model, image = small_model(), random_inputs(1)
    attribution = explained(model, image)
    first, again = (ex.verify(model, image, attribution) for _ in range(2))
    assert first.sentence == again.sentence
    assert [finding.value for finding in first.findings] == [finding.value for finding in again.findings]
    beside = ex.verify(model, image, attribution, others=[explained(model, image, "gradient")])
    assert beside.conclusion == first.conclusion == again.conclusion
