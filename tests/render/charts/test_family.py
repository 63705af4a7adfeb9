"""Charts are valid Vega-Lite, name their axes, leave colours to the theme, and write in an ink that suits the ground."""

from __future__ import annotations

import pytest

from explainers.render.charts._parts import INK
from tests.support.charts import EXAMPLES, views_of


@pytest.mark.parametrize("name", EXAMPLES)
def test_charts_are_valid_and_say_what_they_show(name: str) -> None:
    spec = EXAMPLES[name].to_dict()  # validates against the schema
    assert spec["title"]
    heights = [view.get("height", spec.get("height")) for view in views_of(spec)]
    assert all(height > 0 for height in heights)
    for channel in ("x", "y"):
        titles = [view["encoding"][channel].get("title") for view in views_of(spec)]
        named = name == "completeness" and channel == "y"  # its two bars say themselves what they are
        assert any(titles) or named, (channel, titles)
    drawn = [view for view in views_of(spec) if view["mark"].get("opacity") != 0]
    assert all(view["encoding"]["tooltip"] for view in drawn)


@pytest.mark.parametrize("name", EXAMPLES)
def test_colours_are_left_to_the_theme(name: str) -> None:
    spec = EXAMPLES[name].to_dict()
    for view in views_of(spec):
        assert view["mark"]["type"] != "text"  # black in any theme
        assert "color" not in view["mark"]
        assert "range" not in view["encoding"].get("color", {}).get("scale", {})


@pytest.mark.parametrize("name", EXAMPLES)
def test_words_are_written_in_an_ink_that_suits_the_ground(name: str) -> None:
    config = EXAMPLES[name].to_dict()["config"]
    for part in ("axis", "legend"):
        assert config[part] == {"labelColor": {"expr": INK.expr}, "titleColor": {"expr": INK.expr}}
    assert config["title"] == {"color": {"expr": INK.expr}, "subtitleColor": {"expr": INK.expr}}
