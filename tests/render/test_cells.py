"""The cells of a grid are the overlays."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from explainers.render.cells import Drawing, backdrop, encode_cells
from explainers.render.overlay import overlay
from explainers.render.scale import Scale


def test_cells_of_a_grid_are_the_overlays_one_by_one(cat: Image.Image) -> None:
    picture = backdrop(cat, 60)
    maps = [np.random.default_rng(seed).normal(size=(7, 7)) for seed in range(5)]
    scales = [Scale(-1, 1, "diverging"), Scale(0, 2), Scale(-3, 3, "diverging"), Scale(0, 1), Scale(0, 1)]
    drawn = encode_cells([Drawing(picture, values, scale) for values, scale in zip(maps, scales, strict=True)])
    for jpeg, values, scale in zip(drawn, maps, scales, strict=True):
        expected = np.asarray(overlay(picture, values, scale))
        assert np.abs(np.asarray(Image.open(io.BytesIO(jpeg))).astype(int) - expected).mean() < 3
    assert encode_cells([]) == []
