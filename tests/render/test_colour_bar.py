"""Colour bars, as pictures and in a page."""

from __future__ import annotations

import re

import numpy as np
import pytest

from explainers.render.colormaps import COLORMAPS
from explainers.render.colour_bar import STOPS, colour_bar, colour_bar_html
from explainers.render.scale import Scale

VIRIDIS = COLORMAPS["viridis"].lut

BLUE_RED = COLORMAPS["blue-red"].lut


def test_the_colour_bar_runs_from_low_to_high_and_has_numbers() -> None:
    bar = np.asarray(colour_bar(Scale(0, 3), width=512, height=50))
    assert bar.shape == (50, 512, 3)
    assert np.array_equal(bar[0, ::2], VIRIDIS)
    assert (bar[-15:] < 100).any()  # ink below
    assert np.array_equal(bar, np.asarray(colour_bar(Scale(0, 3), width=512, height=50)))
    other = np.asarray(colour_bar(Scale(0, 4), width=512, height=50))
    assert np.array_equal(bar[:20], other[:20])
    assert not np.array_equal(bar, other)


@pytest.mark.parametrize("width", [1, 40, 96, 560])
@pytest.mark.parametrize("scale", [Scale(0, 1e-12), Scale(-1e30, 1e30, "diverging"), Scale(0, 12345)])
def test_colour_bars_of_any_width_and_scale(width: int, scale: Scale) -> None:
    assert colour_bar(scale, width=width, unit="score per pixel").width == width


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
