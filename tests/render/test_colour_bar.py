"""The colour bar of a page."""

from __future__ import annotations

import re

import pytest

from explainers.render.colormaps import COLORMAPS
from explainers.render.colour_bar import STOPS, colour_bar_html
from explainers.render.scale import Scale


@pytest.mark.parametrize("name", list(COLORMAPS))
def test_it_runs_from_the_first_to_the_last_colour_of_the_map(name: str) -> None:
    colours = re.findall(r"#[0-9a-f]{6}", colour_bar_html(Scale(0, 2), name))
    assert len(colours) == STOPS
    assert colours[0] == "#{:02x}{:02x}{:02x}".format(*COLORMAPS[name].lut[0])
    assert colours[-1] == "#{:02x}{:02x}{:02x}".format(*COLORMAPS[name].lut[-1])


def test_its_numbers_are_equally_spaced_and_read_aloud() -> None:
    html = colour_bar_html(Scale(-2, 2, "diverging"), "blue-red", "units of the score", ticks=3)
    assert re.findall(r"<span>(.*?)</span>", html) == ["−2", "0", "2"]
    assert 'aria-label="Colour bar from −2 to 2, units of the score"' in html


def test_a_unit_is_text_and_never_markup() -> None:
    html = colour_bar_html(Scale(0, 1), "viridis", '<script>"x"</script>')
    assert "<script>" not in html
