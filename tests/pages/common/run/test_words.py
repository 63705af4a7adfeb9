"""Work and options in words."""

from __future__ import annotations

import pytest

import explainers as ex
from pages.common.run.words import duration, options_in_words, passes_in_words, plain


def test_passes_are_told_by_kind() -> None:
    assert passes_in_words(131074, 0) == "131,074 forward and 0 backward passes"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (10.4, "10 s"), (119.4, "119 s"), (150.0, "2 min")]
)
def test_a_duration_is_as_fine_as_it_matters(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_options_are_told_by_the_names_of_their_choices_and_without_the_layer() -> None:
    fields = ex.find_method("occlusion").options.model_fields
    fill = fields["fill"].default
    assert plain({"fill": fill, "patch": 8}) == {"fill": fill.value, "patch": 8}
    assert options_in_words({"layer": "layer2", "fill": fill, "patch": 8}) == f"fill={fill.value}, patch=8"
