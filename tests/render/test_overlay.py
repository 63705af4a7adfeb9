"""Known numbers get known colours, in the right place."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from explainers.core.errors import VitrineError
from explainers.render.colormaps import COLORMAPS
from explainers.render.overlay import HATCH, colourise, overlay, resize_map
from explainers.render.scale import Scale

VIRIDIS = COLORMAPS["viridis"].lut

BLUE_RED = COLORMAPS["blue-red"].lut


def test_low_middle_and_high_take_their_colours() -> None:
    colours = colourise(np.array([[-9.0, 2.0, 3.0, 4.0, 99.0]]), Scale(2, 4))
    assert np.array_equal(colours[0], VIRIDIS[[0, 0, 128, 255, 255]])
    signed = colourise(torch.tensor([[-2.0, 0.0, 2.0]]), Scale(-2, 2, "diverging"), "blue-red")
    assert np.array_equal(signed[0], BLUE_RED[[0, 128, 255]])


def test_what_is_not_finite_is_hatched_in_grey() -> None:
    colours = colourise(np.array([[np.nan, np.inf, -np.inf, 0.0]]), Scale(0, 1))
    assert {tuple(c) for c in colours[0, :3].tolist()} <= {(grey,) * 3 for grey in HATCH}
    assert colours[0, 3].tolist() == VIRIDIS[0].tolist()
    both = colourise(np.full((20, 20), np.nan), Scale(0, 1))
    assert set(both.ravel().tolist()) == set(HATCH)


floats = hnp.arrays(st.sampled_from([np.float32, np.float64, np.float16]), hnp.array_shapes(min_dims=2, max_dims=2))


@settings(max_examples=150, deadline=None)
@given(floats, st.booleans(), st.booleans())
def test_no_map_breaks_the_picture(values: np.ndarray, signed: bool, by_value: bool) -> None:
    scale = Scale.of(values, signed)
    assert colourise(values, scale).shape == (*values.shape, 3)
    drawn = overlay(Image.new("RGB", (9, 5)), values, scale, opacity=1, alpha_by_value=by_value)
    assert drawn.size == (9, 5)


def test_opacity_0_is_the_image_and_1_is_the_colour_map(photo: Image.Image) -> None:
    values = np.random.default_rng(0).random((70, 140))
    scale = Scale(0, 1)
    assert np.array_equal(np.asarray(overlay(photo, values, scale, opacity=0)), np.asarray(photo))
    assert np.array_equal(np.asarray(overlay(photo, values, scale, opacity=1)), colourise(values, scale))
    half = np.asarray(overlay(photo, values, scale, opacity=0.6)).astype(float)
    assert np.abs(half - (0.4 * np.asarray(photo) + 0.6 * colourise(values, scale))).max() < 1.001
    with pytest.raises(VitrineError, match="Opacity"):
        overlay(photo, values, scale, opacity=1.5)


def test_alpha_by_value_lets_weak_values_through(photo: Image.Image) -> None:
    values = np.zeros((70, 140))
    values[:, 70:] = -2.0
    drawn = np.asarray(overlay(photo, values, Scale(-2, 2, "diverging"), "blue-red", 1.0, alpha_by_value=True))
    assert np.array_equal(drawn[:, :70], np.asarray(photo)[:, :70])
    assert (drawn[:, 70:] == BLUE_RED[0]).all()
    broken = overlay(photo, np.full((70, 140), np.nan), Scale(0, 1), opacity=1.0, alpha_by_value=True)
    assert set(np.unique(np.asarray(broken))) == set(HATCH)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (2, 5), (6, 6), (3, 3)])
def test_a_hot_cell_lies_over_its_own_pixels(row: int, column: int) -> None:
    cam = torch.zeros(7, 7)
    cam[row, column] = 1
    resized = resize_map(cam, (70, 140))
    peak = resized == resized.max()
    rows, columns = np.nonzero(peak)
    assert 10 * row <= rows.min() <= rows.max() < 10 * (row + 1)
    assert 20 * column <= columns.min() <= columns.max() < 20 * (column + 1)
    inside = resized[10 * row : 10 * (row + 1), 20 * column : 20 * (column + 1)]
    assert inside.mean() > 0.5
    if 0 < row < 6:
        assert abs((resized.sum(1) * np.arange(70)).sum() / resized.sum() - (10 * row + 4.5)) < 1e-6


def test_resizing_is_the_same_as_that_of_attributions() -> None:
    values = torch.rand(1, 1, 7, 5)
    ours = resize_map(values[0, 0], (64, 96))
    theirs = torch.nn.functional.interpolate(values, (64, 96), mode="bilinear", align_corners=False)[0, 0]
    assert np.allclose(ours, theirs.numpy(), atol=1e-5)


def test_broken_cells_do_not_spread() -> None:
    values = np.ones((4, 4))
    values[1, 2] = np.nan
    resized = resize_map(values, (40, 40))
    hole = np.zeros((40, 40), bool)
    hole[10:20, 20:30] = True
    assert np.array_equal(np.isnan(resized), hole)
    assert np.allclose(resized[~hole], 1)


def test_maps_of_the_wrong_shape_are_refused(photo: Image.Image) -> None:
    with pytest.raises(VitrineError, match=r"not \(1, 7, 7\)"):
        overlay(photo, torch.zeros(1, 7, 7), Scale(0, 1))


def test_pictures_of_any_mode_and_maps_of_any_dtype() -> None:
    for mode in ("L", "RGBA", "P", "RGB"):
        assert overlay(Image.new(mode, (8, 8)), torch.ones(2, 2, dtype=torch.bfloat16), Scale(0, 1)).mode == "RGB"
