"""Colour maps are in order for the eye, and for eyes without one kind of cone."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PIL import Image
from skimage.color import deltaE_ciede2000, xyz2lab
from skimage.color.colorconv import xyz_from_rgb as SRGB_TO_XYZ

from explainers.core.errors import VitrineError
from explainers.render.colormaps import COLORMAPS, DEFAULTS, find_colormap
from explainers.render.overlay import overlay
from explainers.render.scale import Scale
from explainers.render.style import Style

# Machado, Oliveira & Fernandes 2009, severity 1.0; on linear RGB.
DEFICIENCIES = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def linear(lut: np.ndarray) -> np.ndarray:
    share = lut / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def lightness(lut: np.ndarray) -> np.ndarray:
    """CIE L* of (256, 3) sRGB."""
    y = linear(lut) @ [0.2126, 0.7152, 0.0722]
    return np.where(y > 0.008856, 116 * np.cbrt(y) - 16, 903.3 * y)


@pytest.mark.parametrize("colormap", COLORMAPS.values(), ids=lambda c: c.name)
def test_tables_are_whole_and_read_only(colormap) -> None:
    assert colormap.lut.shape == (256, 3)
    assert colormap.lut.dtype == np.uint8
    assert COLORMAPS[colormap.name] is colormap
    with pytest.raises(ValueError, match="read-only"):
        colormap.lut[0] = 0


@pytest.mark.parametrize("colormap", COLORMAPS.values(), ids=lambda c: c.name)
def test_lightness_is_monotonic_from_each_end_to_the_next_turn(colormap) -> None:
    values = lightness(colormap.lut)
    halves = [values] if colormap.kind == "sequential" else [values[:128], values[128:][::-1]]
    for half in halves:
        assert (np.diff(half) > -0.4).all()
        # The default for two signs is laid over dark pictures too: its ends stay bright, and its hues carry it.
        assert half[-1] - half[0] > (20 if colormap.name == "blue-orange" else 45)


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
@pytest.mark.parametrize("colormap", [c for c in COLORMAPS.values() if c.kind == "diverging"], ids=lambda c: c.name)
def test_the_two_sides_differ_for_the_colour_blind(colormap, deficiency: str) -> None:
    seen = linear(colormap.lut[[40, 215]]) @ np.array(DEFICIENCIES[deficiency]).T
    first, second = np.clip(seen, 0, 1) ** (1 / 2.2)
    assert np.linalg.norm(first - second) > 0.15


def least_difference(name: str) -> tuple[float, float]:
    """CIEDE2000 of what a strong positive and an equally strong negative value look like, and of each to the bare ground: the least
    for full and half strength, black, grey and white, to all eyes and to those without one of the cones for red and green."""
    grounds = [Image.new("RGB", (2, 1), (grey,) * 3) for grey in (0, 128, 255)]
    apart, seen = [], []
    for ground, strength, deficiency in itertools.product(grounds, (0.5, 1.0), ("none", "protan", "deutan")):
        drawn = overlay(ground, np.array([[-strength, strength]]), Scale(-1, 1, "diverging"), Style(name))
        matrix = np.array(DEFICIENCIES.get(deficiency, np.eye(3)))
        light = [np.clip(linear(np.asarray(picture)) @ matrix.T, 0, 1) for picture in (drawn, ground)]
        (minus, plus), (bare, _) = (xyz2lab(share @ SRGB_TO_XYZ.T)[0] for share in light)
        apart.append(deltaE_ciede2000(minus, plus))
        seen += [deltaE_ciede2000(minus, bare), deltaE_ciede2000(plus, bare)]
    return float(min(apart)), float(min(seen))


def test_the_two_signs_of_the_default_stay_apart_on_any_ground_for_the_colour_blind() -> None:
    """A difference of 10 is seen at a glance."""
    apart, seen = least_difference(DEFAULTS["diverging"])
    assert apart > 30
    assert seen > 15
    others = [c.name for c in COLORMAPS.values() if c.kind == "diverging" and c.name != DEFAULTS["diverging"]]
    assert all(least_difference(name) < (apart, seen) for name in others)
    assert least_difference("blue-red")[1] < 10, "why it is the default no more"


def test_the_default_of_each_kind_comes_first() -> None:
    for kind, name in DEFAULTS.items():
        assert next(c.name for c in COLORMAPS.values() if c.kind == kind) == name
    assert {"blue-red", "purple-green", "purple-orange"} < set(COLORMAPS), "links name them"


def test_no_rainbows_and_known_ends() -> None:
    assert not {"jet", "rainbow", "hsv", "turbo"} & set(COLORMAPS)
    assert COLORMAPS["viridis"].lut[[0, 255]].tolist() == [[68, 1, 84], [253, 231, 36]]
    low, high = COLORMAPS["blue-red"].lut[[0, 255]].astype(int)
    assert low[2] > low[0]
    assert high[0] > high[2]
    assert COLORMAPS["blue-red"].lut[127:129].min() > 240


def test_unknown_names_are_refused() -> None:
    assert find_colormap("magma") is find_colormap(COLORMAPS["magma"])
    with pytest.raises(VitrineError, match="viridis, inferno"):
        find_colormap("jet")
