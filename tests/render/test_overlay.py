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
from explainers.render.contours import outline
from explainers.render.overlay import HATCH, colourise, overlay, resize_map
from explainers.render.scale import Scale
from explainers.render.style import SHOWN, Shown, Style

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
@given(floats, st.booleans(), st.sampled_from(SHOWN))
def test_no_map_breaks_the_picture(values: np.ndarray, signed: bool, shown: Shown) -> None:
    scale = Scale.of(values, signed)
    assert colourise(values, scale).shape == (*values.shape, 3)
    drawn = overlay(Image.new("RGB", (9, 5)), values, scale, Style(opacity=1, shown=shown))
    assert drawn.size == (9, 5)


def test_a_veil_of_opacity_0_is_the_image_and_of_1_the_colour_map(photo: Image.Image) -> None:
    values = np.random.default_rng(0).random((70, 140))
    scale = Scale(0, 1)
    none, all_of_it, most = (
        np.asarray(overlay(photo, values, scale, Style(opacity=opacity, shown="veil"))) for opacity in (0, 1, 0.6)
    )
    assert np.array_equal(none, np.asarray(photo))
    assert np.array_equal(all_of_it, colourise(values, scale))
    assert np.abs(most.astype(float) - (0.4 * np.asarray(photo) + 0.6 * colourise(values, scale))).max() < 1.001


@pytest.mark.parametrize("scale", [Scale(0, 2), Scale(-2, 2, "diverging")])
def test_an_overlay_leaves_pixels_of_no_value_bit_for_bit(photo: Image.Image, scale: Scale) -> None:
    values = np.zeros((70, 140))
    values[:, 70:], values[:, 90:] = 1.0, 2.0
    drawn = np.asarray(overlay(photo, values, scale, Style(opacity=0.8))).astype(float)
    picture = np.asarray(photo).astype(float)
    assert np.array_equal(drawn[:, :70], picture[:, :70])
    colours = colourise(values, scale, Style().colours(scale.kind)).astype(float)
    for place, opacity in ((slice(70, 90), 0.4), (slice(90, 140), 0.8)):  # half of the scale, and its end
        mixed = (1 - opacity) * picture[:, place] + opacity * colours[:, place]
        assert (
            np.abs(drawn[:, place] - mixed).max() < 1.5
        )  # opacity is rounded to one of 256 steps, and so is the colour


def test_broken_values_are_hatched_in_an_overlay(photo: Image.Image) -> None:
    broken = overlay(photo, np.full((70, 140), np.nan), Scale(0, 1), Style(opacity=1.0))
    assert set(np.unique(np.asarray(broken))) == set(HATCH)


def test_the_picture_beneath_can_lose_its_colours(photo: Image.Image) -> None:
    drawn = np.asarray(overlay(photo, np.zeros((7, 7)), Scale(0, 1), Style(grey=True)))
    assert np.array_equal(drawn, np.asarray(photo.convert("L").convert("RGB")))


def test_a_region_is_outlined_and_nothing_else_changes(photo: Image.Image) -> None:
    region = np.zeros((7, 14), bool)
    region[2:5, 3:9] = True
    plain = overlay(photo, np.zeros((7, 7)), Scale(0, 1))
    drawn = overlay(photo, np.zeros((7, 7)), Scale(0, 1), region=region)
    assert np.array_equal(np.asarray(drawn), np.asarray(outline(photo, region)))
    assert np.array_equal(np.asarray(plain), np.asarray(photo))
    none = overlay(photo, np.zeros((7, 7)), Scale(0, 1), region=np.zeros((7, 14), bool))
    assert np.array_equal(np.asarray(none), np.asarray(plain))


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
