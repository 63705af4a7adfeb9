"""Colour maps are in order for the eye, and for eyes without one kind of cone."""

from __future__ import annotations

import numpy as np
import pytest

from explainers.core.errors import VitrineError
from explainers.render.colormaps import COLORMAPS, find_colormap

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
        assert half[-1] - half[0] > 45


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
@pytest.mark.parametrize("colormap", [c for c in COLORMAPS.values() if c.kind == "diverging"], ids=lambda c: c.name)
def test_the_two_sides_differ_for_the_colour_blind(colormap, deficiency: str) -> None:
    seen = linear(colormap.lut[[40, 215]]) @ np.array(DEFICIENCIES[deficiency]).T
    first, second = np.clip(seen, 0, 1) ** (1 / 2.2)
    assert np.linalg.norm(first - second) > 0.15


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
