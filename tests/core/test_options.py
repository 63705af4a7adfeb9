"""Options: what can be chosen, and what is refused."""

from __future__ import annotations

import pytest

from explainers.api import explain
from explainers.core.errors import VitrineError
from explainers.inputs.baselines import Baseline
from explainers.registry import find_method
from tests.support.models.networks import random_inputs, small_model


@pytest.mark.parametrize(
    ("method", "options", "sentence"),
    [
        (
            "integrated-gradients",
            {"stpes": 5},
            "integrated-gradients has no option 'stpes'; its options are: baseline, steps.",
        ),
        ("gradient", {"steps": 5}, "gradient has no option 'steps'; its options are: none."),
        (
            "integrated-gradients",
            {"steps": 1},
            "integrated-gradients cannot take steps=1: Input should be greater than or equal to 2.",
        ),
        (
            "smoothgrad",
            {"noise": 0},
            "smoothgrad cannot take noise=0: Input should be greater than 0.",
        ),
        (
            "deeplift",
            {"baseline": "grey"},
            "deeplift cannot take baseline='grey': Input should be 'zero', 'black', 'white' or 'blur'.",
        ),
    ],
)
def test_what_is_refused(method, options, sentence):
    with pytest.raises(VitrineError) as refusal:
        explain(small_model(), random_inputs(1), method, 0, **options)
    assert str(refusal.value) == sentence


def test_options_are_checked_before_anything_is_computed(tripwire):
    with pytest.raises(VitrineError):
        explain(small_model(), random_inputs(1), "smoothgrad", 0, samples=10**9)
    assert tripwire.seen == []


def test_what_is_chosen_is_told_with_the_answer(model):
    result = explain(model, random_inputs(1), "integrated-gradients", 0, steps=7, baseline="blur")
    assert result.options == {"steps": 7, "baseline": "blur"}
    assert find_method("integrated-gradients").options(steps=7).baseline is Baseline.ZERO


def test_texts_from_a_command_line_are_read_as_numbers(model):
    result = explain(model, random_inputs(1), "smoothgrad", 0, samples="3", noise="0.2")
    assert result.options == {"samples": 3, "noise": 0.2, "seed": 0}


def test_options_cannot_be_changed_afterwards():
    options = find_method("smoothgrad").options()
    with pytest.raises(ValueError, match="frozen"):
        options.samples = 3
