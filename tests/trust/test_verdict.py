"""What a verdict says: careful sentences, bad things first, and where a map lies."""

from __future__ import annotations

import pytest
import torch

import explainers as ex
from explainers.trust.verdict import highlighted
from tests.support.attributions import SIDE, attribution_of, explained, patch_mask
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
