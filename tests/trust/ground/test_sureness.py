"""How sure: numbers against softmax worked out by hand, and what was measured of answers as sure."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from explainers.trust.ground.sureness import sureness
from tests.support.models.networks import small_model
from tests.support.references import line_reference

NAMELESS = replace(small_model(), labels=None)


def test_probability_margin_and_entropy() -> None:
    probabilities = torch.tensor([0.5, 0.25, 0.125, 0.0625, 0.0625])
    finding = sureness(NAMELESS, probabilities, 0, None)
    assert finding.value == 0.5
    assert finding.details["margin"] == 0.25
    # In bits: 1/2 + 2/4 + 3/8 + 4/16 + 4/16 = 15/8, of log2(5).
    assert finding.details["entropy"] == pytest.approx(15 / 8 / math.log2(5))
    assert finding.good is False
    assert finding.table is not None
    assert finding.table["class"].tolist() == [f"class {i}" for i in range(5)]
    assert finding.table["probability"].tolist() == probabilities.tolist()
    assert finding.sentence.endswith("how often answers this sure are right was not measured.")


def test_another_class_than_the_first_is_never_sure() -> None:
    finding = sureness(NAMELESS, torch.tensor([0.05, 0.9, 0.05, 0, 0]), 0, None)
    assert finding.good is False
    assert finding.details["margin"] == pytest.approx(0.05 - 0.9)
    assert finding.sentence == (
        "'class 0' is not the model's first answer: it has a probability of 5 %, and 'class 1' 90 %."
    )


def test_what_was_measured_sets_the_threshold() -> None:
    """Of 100 answers between 60 and 70 % ninety-nine were right, of those below that seventy."""
    counts = torch.tensor([0, 0, 0, 0, 0, 100, 100, 100, 100, 100])
    right = torch.tensor([0, 0, 0, 0, 0, 70, 99, 99, 99, 99])
    reference = replace(line_reference(), counts=counts, right=right)
    assert reference.sure_from == 0.6
    sure = sureness(NAMELESS, torch.tensor([0.65, 0.35, 0, 0, 0]), 0, reference)
    unsure = sureness(NAMELESS, torch.tensor([0.55, 0.45, 0, 0, 0]), 0, reference)
    assert (sure.good, unsure.good) == (True, False)
    assert sure.sentence.endswith("of 100 answers this sure on points of a line, 99 % were right.")
    assert unsure.details["right"] == 0.7
