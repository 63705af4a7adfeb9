"""Work and options in words."""

from __future__ import annotations

import explainers as ex
from pages.common.run.words import options_in_words, passes_in_words, plain


def test_passes_are_told_by_kind() -> None:
    assert passes_in_words(131074, 0) == "131,074 forward and 0 backward passes"


def test_options_are_told_by_the_names_of_their_choices_and_without_the_layer() -> None:
    fields = ex.find_method("occlusion").options.model_fields
    fill = fields["fill"].default
    assert plain({"fill": fill, "patch": 8}) == {"fill": fill.value, "patch": 8}
    assert options_in_words({"layer": "layer2", "fill": fill, "patch": 8}) == f"fill={fill.value}, patch=8"
