"""Words and controls stand out from what they lie on, in both themes, by the formulas of WCAG 2.2: 4.5:1 for words, 3:1 for the rest.

The colours are those of .streamlit/config.toml, and what Streamlit makes of them: where it draws a colour at part of its strength, the
share is given here. What it draws in the end is looked at in tests/browser/test_accessibility.py."""

from __future__ import annotations

import itertools
import re
import tomllib

import numpy as np
import pytest

from explainers.render.charts._parts import INK
from tests.support.browser.server import ROOT

WORDS, SHAPES = 4.5, 3.0
CAPTIONS = 0.6  # the share of the text's colour in Streamlit's captions
WHITE = "#ffffff"
APART = 10  # CIE76 between any two colours of a chart; 2 can just be seen

THEME = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
SCHEMES = ("light", "dark")

# Machado, Oliveira & Fernandes 2009, severity 1.0; on linear RGB.
SIGHT = {
    "all cones": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE_POINT = np.array([0.9505, 1.0, 1.089])


def rgb(colour: str) -> np.ndarray:
    """(3,) from 0 to 1."""
    return np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255


def linear(colour: np.ndarray) -> np.ndarray:
    return np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)


def luminance(colour: np.ndarray) -> float:
    return float(linear(colour) @ TO_XYZ[1])


def contrast(colour: str, ground: str, share: float = 1.0) -> float:
    """The ratio of WCAG, 1 to 21, of a colour drawn at `share` of its strength."""
    mixed = share * rgb(colour) + (1 - share) * rgb(ground)
    low, high = sorted((luminance(mixed), luminance(rgb(ground))))
    return (high + 0.05) / (low + 0.05)


def lab(colour: str, cones: object) -> np.ndarray:
    """CIE L*a*b* of a colour as somebody with these cones sees it."""
    seen = np.clip(np.asarray(cones) @ linear(rgb(colour)), 0, 1)
    x, y, z = np.cbrt(np.maximum(TO_XYZ @ seen / WHITE_POINT, 0.008856))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def grounds(scheme: str) -> dict[str, str]:
    """What words lie on: the page, its fields, the sidebar, its fields."""
    page, sidebar = THEME[scheme], THEME[scheme]["sidebar"]
    return {
        "page": page["backgroundColor"],
        "field": page["secondaryBackgroundColor"],
        "sidebar": sidebar["backgroundColor"],
        "field of the sidebar": sidebar["secondaryBackgroundColor"],
    }


@pytest.mark.parametrize("scheme", SCHEMES)
def test_words_can_be_read_on_every_ground(scheme: str) -> None:
    theme = THEME[scheme]
    for place, ground in grounds(scheme).items():
        assert contrast(theme["textColor"], ground) >= WORDS, place
        assert contrast(theme["textColor"], ground, CAPTIONS) >= WORDS, f"captions, {place}"
        assert contrast(theme["linkColor"], ground) >= WORDS, f"links, {place}"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_white_words_can_be_read_on_the_primary_colour(scheme: str) -> None:
    """Streamlit writes white on it: on the first button of a page, and on what was chosen of several."""
    assert contrast(WHITE, THEME[scheme]["primaryColor"]) >= WORDS


@pytest.mark.parametrize("scheme", SCHEMES)
def test_controls_and_their_borders_can_be_made_out(scheme: str) -> None:
    for place, ground in grounds(scheme).items():
        assert contrast(THEME[scheme]["primaryColor"], ground) >= SHAPES, f"primary, {place}"
        assert contrast(THEME[scheme]["borderColor"], ground) >= SHAPES, f"border, {place}"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_words_of_charts_can_be_read(scheme: str) -> None:
    """Vega takes one of two inks, by the luminance of its ground."""
    limit, light, dark = re.fullmatch(r"luminance\(background\) < ([\d.]+) \? '(#\w+)' : '(#\w+)'", INK.expr).groups()
    ground = THEME[scheme]["backgroundColor"]
    assert contrast(light if luminance(rgb(ground)) < float(limit) else dark, ground) >= WORDS


@pytest.mark.parametrize("scheme", SCHEMES)
def test_lines_of_charts_stand_out_and_can_be_told_apart(scheme: str) -> None:
    colours = THEME[scheme]["chartCategoricalColors"]
    for colour in colours:
        assert contrast(colour, THEME[scheme]["backgroundColor"]) >= SHAPES, colour
    for (sight, cones), (colour, other) in itertools.product(SIGHT.items(), itertools.combinations(colours, 2)):
        assert np.linalg.norm(lab(colour, cones) - lab(other, cones)) >= APART, (sight, colour, other)
