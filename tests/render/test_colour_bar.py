"""Colour bars and the lines of contours, as pictures and in a page."""

from __future__ import annotations

import re
from base64 import b64decode

import numpy as np
import pytest

from explainers.render.colormaps import COLORMAPS
from explainers.render.colour_bar import STOPS, colour_bar, colour_bar_html
from explainers.render.contours import evened
from explainers.render.lettering import number
from explainers.render.scale import Scale
from explainers.render.style import Style

VEIL = Style(shown="veil")
VIRIDIS = COLORMAPS["viridis"].lut


def test_the_colour_bar_runs_from_low_to_high_and_has_numbers() -> None:
    bar = np.asarray(colour_bar(Scale(0, 3), VEIL, width=512, height=50))
    assert bar.shape == (50, 512, 3)
    assert np.array_equal(bar[0, ::2], VIRIDIS)
    assert (bar[-15:] < 100).any()  # ink below
    assert np.array_equal(bar, np.asarray(colour_bar(Scale(0, 3), VEIL, width=512, height=50)))
    other = np.asarray(colour_bar(Scale(0, 4), VEIL, width=512, height=50))
    assert np.array_equal(bar[:20], other[:20])
    assert not np.array_equal(bar, other)


def test_the_bar_of_an_overlay_fades_as_the_overlay_does() -> None:
    bar = np.asarray(colour_bar(Scale(0, 3), width=512, height=50)).astype(float)
    strength = np.arange(256) / 255
    faded = 255 + (VIRIDIS - 255.0) * strength[:, None]
    assert np.abs(bar[0, ::2] - faded).max() <= 0.5  # rounded to whole numbers
    signed = np.asarray(colour_bar(Scale(-3, 3, "diverging"), width=511, height=50))
    assert (signed[0, 255] > 245).all(), "zero shows the paper"


@pytest.mark.parametrize("width", [1, 40, 96, 560])
@pytest.mark.parametrize("scale", [Scale(0, 1e-12), Scale(-1e30, 1e30, "diverging"), Scale(0, 12345)])
@pytest.mark.parametrize("style", [Style(), VEIL, Style(shown="contours")], ids=lambda style: style.shown)
def test_legends_of_any_width_and_scale(width: int, scale: Scale, style: Style) -> None:
    assert colour_bar(scale, style, width, unit="score per pixel", values=np.eye(3) * 1e31).width == width


def test_an_end_that_values_go_beyond_is_an_arrow_and_says_how_far() -> None:
    values, scale = np.array([[0.1, 1.3]]), Scale(0, 0.8)
    html = colour_bar_html(scale, ticks=3, values=values)
    assert re.findall(r"<span>(.*?)</span>", html) == ["0", "0.4", "≥ 0.8"]
    assert html.count("Values go beyond the bar: largest 1.3.") == 2, "for the eye and for the ear"
    assert "calc(100% - 0.5rem)" in html
    whole = colour_bar_html(scale, ticks=3, values=values / 2)
    assert "≥" not in whole
    assert "beyond" not in whole
    signed = colour_bar_html(Scale(-1, 1, "diverging"), ticks=3, values=np.array([[-2.0, 4.0]]))
    assert re.findall(r"<span>(.*?)</span>", signed) == ["≤ −1", "0", "≥ 1"]
    assert "least −2 and largest 4." in signed
    plain, clipped = (colour_bar(scale, VEIL, 300, 50, values=v) for v in (values / 2, values))
    assert clipped.height > plain.height, "a line more"
    corner = np.asarray(clipped)[0, -1]
    assert (corner == 255).all(), "the bar comes to a point"
    assert not (np.asarray(plain)[0, -1] == 255).all()


def test_the_lines_of_contours_are_named_with_their_numbers() -> None:
    html = colour_bar_html(Scale(0, 0.8), Style(shown="contours"), "units", values=np.eye(7))
    assert all(words in html for words in ("25 % = 0.2", "50 % = 0.4", "75 % = 0.6", "units"))
    assert "dashed" not in html
    signed = colour_bar_html(Scale(-4, 4, "diverging"), Style(shown="contours"), values=np.eye(7))
    assert "25 % = ±1" in signed
    assert "Solid lines: positive; dashed: negative." in signed
    samples = [b64decode(sample).decode() for sample in re.findall(r"base64,([^\"]+)", signed)]
    assert [sample.count("stroke-dasharray") for sample in samples] == [2, 2, 2], "an edge and a core for each line"


def test_the_lines_of_an_averaged_map_have_the_numbers_of_the_averaged_map() -> None:
    values = np.random.default_rng(0).random((96, 96))
    html = colour_bar_html(Scale(0, 1), Style(shown="contours"), values=values)
    assert f"50 % = {number(evened(values, Scale(0, 1))[1].high / 2)}" in html
    assert "averaged over 4 % of its side" in html


@pytest.mark.parametrize("name", list(COLORMAPS))
def test_it_runs_from_the_first_to_the_last_colour_of_the_map(name: str) -> None:
    colours = re.findall(r"rgba\((\d+),(\d+),(\d+),1.00\)", colour_bar_html(Scale(0, 2), Style(name, shown="veil")))
    assert len(colours) == STOPS
    for drawn, expected in ((colours[0], COLORMAPS[name].lut[0]), (colours[-1], COLORMAPS[name].lut[-1])):
        assert [int(channel) for channel in drawn] == expected.tolist()


def test_its_numbers_are_equally_spaced_and_read_aloud() -> None:
    html = colour_bar_html(Scale(-2, 2, "diverging"), unit="units of the score", ticks=3)
    assert re.findall(r"<span>(.*?)</span>", html) == ["−2", "0", "2"]
    assert 'aria-label="Colour bar from −2 to 2, units of the score"' in html


def test_a_unit_is_text_and_never_markup() -> None:
    for shown in ("overlay", "contours"):
        assert "<script>" not in colour_bar_html(Scale(0, 1), Style(shown=shown), '<script>"x"</script>')
