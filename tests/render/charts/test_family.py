"""Charts are valid Vega-Lite, name their axes, and leave colours to the theme."""

from __future__ import annotations

import pytest

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
    assert "subtitle" not in str(spec)
