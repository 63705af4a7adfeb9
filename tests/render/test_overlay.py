"""Known numbers get known colours, in the right place."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

import explainers as ex
from explainers.core.errors import VitrineError
from explainers.render.cells import Drawing, backdrop, encode_cells
from explainers.render.colormaps import COLORMAPS
from explainers.render.colour_bar import colour_bar
from explainers.render.encoding import encode_photo, encode_png, encode_small
from explainers.render.figure import figure
from explainers.render.filters import filters_sheet
from explainers.render.overlay import HATCH, colourise, overlay, resize_map
from explainers.render.scale import Scale

VIRIDIS = COLORMAPS["viridis"].lut
BLUE_RED = COLORMAPS["blue-red"].lut


@pytest.fixture
def photo() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (70, 140, 3), np.uint8))


def test_low_middle_and_high_take_their_colours() -> None:
    colours = colourise(np.array([[-9.0, 2.0, 3.0, 4.0, 99.0]]), Scale(2, 4))
    assert np.array_equal(colours[0], VIRIDIS[[0, 0, 128, 255, 255]])
    signed = colourise(torch.tensor([[-2.0, 0.0, 2.0]]), Scale(-2, 2, "diverging"), "blue-red")
    assert np.array_equal(signed[0], BLUE_RED[[0, 128, 255]])


def test_a_signed_scale_is_symmetric_round_zero() -> None:
    assert Scale.of(np.array([[-1.0, 3.0]]), signed=True) == Scale(-3, 3, "diverging")
    assert Scale.of(np.array([[-5.0, 3.0]]), signed=True) == Scale(-5, 5, "diverging")


def test_an_unsigned_scale_holds_zero() -> None:
    assert Scale.of(np.array([[1.0, 3.0]]), signed=False) == Scale(0, 3)
    assert Scale.of(np.array([[-1.0, 3.0]]), signed=False) == Scale(-1, 3)
    assert Scale.of(np.array([[-4.0, -2.0]]), signed=False) == Scale(-4, 0)


def test_the_percentile_leaves_out_extremes_of_large_maps_only() -> None:
    large = np.ones((100, 100))
    large[0, :50] = 1e6
    assert Scale.of(large, signed=False).high == 1
    assert Scale.of(large, signed=False, percentile=100).high == 1e6
    cam = torch.zeros(7, 7)
    cam[3, 3] = 5
    assert Scale.of(cam, signed=False).high == 5
    sparse = np.zeros((100, 100))
    sparse[0, 0] = 2
    assert Scale.of(sparse, signed=False).high == 2


def test_one_scale_for_several_maps() -> None:
    maps = [torch.full((7, 7), 1.0), np.full((14, 14), -3.0), torch.full((2, 3, 3), 2.0, dtype=torch.bfloat16)]
    assert Scale.of(maps, signed=True) == Scale(-3, 3, "diverging")


def test_constant_empty_and_broken_maps_have_a_scale() -> None:
    for values in (np.zeros((3, 3)), np.zeros((0, 3)), np.full((3, 3), np.nan)):
        assert Scale.of(values, signed=False) == Scale(0, 1)
        assert Scale.of(values, signed=True) == Scale(-1, 1, "diverging")
    assert Scale.of([], signed=False) == Scale(0, 1)
    assert Scale.of(np.full((3, 3), 7.0), signed=False) == Scale(0, 7)


@pytest.mark.parametrize("ends", [(1, 1), (2, 1), (0, float("inf")), (float("nan"), 1)])
def test_impossible_scales_are_refused(ends: tuple[float, float]) -> None:
    with pytest.raises(VitrineError, match="low end below"):
        Scale(*ends)


def test_a_lopsided_diverging_scale_is_refused() -> None:
    with pytest.raises(VitrineError, match="symmetric"):
        Scale(-1, 2, "diverging")


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


def test_a_figure_holds_image_overlay_bar_and_words(photo: Image.Image) -> None:
    cam, scale = torch.rand(7, 7), Scale(0, 1)
    plain = figure(photo.resize((300, 200)), cam, scale)
    worded = figure(photo.resize((300, 200)), cam, scale, title="Grad-CAM", caption="A cat, or not; " * 20)
    assert worded.mode == "RGB"
    assert worded.width == plain.width > 600
    assert worded.height > plain.height > 200
    pixels = np.asarray(plain)
    assert np.array_equal(pixels[24:224, 24:324], np.asarray(photo.resize((300, 200))))
    drawn = np.asarray(overlay(photo.resize((300, 200)), cam, scale))
    assert np.array_equal(pixels[24:224, 340:640], drawn)


@pytest.mark.parametrize("size", [(96, 96), (3000, 20), (1, 1)])
def test_figures_of_any_picture_are_legible(size: tuple[int, int]) -> None:
    made = figure(Image.new("RGB", size), np.zeros((7, 7)), Scale(0, 1), title="x" * 500, caption="word " * 50)
    assert 96 <= made.width <= 2200


def test_png_round_trip(photo: Image.Image) -> None:
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(encode_png(photo)))), np.asarray(photo))


@pytest.fixture
def cat() -> Image.Image:
    return ex.sample("photo:chelsea").load()


def test_a_photograph_keeps_every_pixel_in_fewer_bytes(cat: Image.Image) -> None:
    read = Image.open(io.BytesIO(encode_photo(cat)))
    assert (read.format, read.mode) == ("PNG", "RGB")
    assert np.array_equal(np.asarray(read), np.asarray(cat))
    assert len(encode_photo(cat)) < len(encode_png(cat))


def test_a_small_picture_keeps_the_colours_of_every_pixel(cat: Image.Image) -> None:
    """Columns of blue and red in turn: with colours of half the resolution they would all be purple."""
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2, 2], stripes[:, 1::2, 0] = 255, 255
    for original in (stripes, np.asarray(cat)):
        read = Image.open(io.BytesIO(encode_small(Image.fromarray(original))))
        assert read.format == "JPEG"
        assert np.abs(np.asarray(read).astype(int) - original).mean() < 2


def test_cells_of_a_grid_are_the_overlays_one_by_one(cat: Image.Image) -> None:
    picture = backdrop(cat, 60)
    maps = [np.random.default_rng(seed).normal(size=(7, 7)) for seed in range(5)]
    scales = [Scale(-1, 1, "diverging"), Scale(0, 2), Scale(-3, 3, "diverging"), Scale(0, 1), Scale(0, 1)]
    drawn = encode_cells([Drawing(picture, one, scale) for one, scale in zip(maps, scales, strict=True)])
    for jpeg, one, scale in zip(drawn, maps, scales, strict=True):
        colours = "blue-red" if scale.kind == "diverging" else "viridis"
        expected = np.asarray(overlay(picture, one, scale, colours, 0.6))
        assert np.abs(np.asarray(Image.open(io.BytesIO(jpeg))).astype(int) - expected).mean() < 3
    assert encode_cells([]) == []


def test_rgb_filters_share_one_scale_with_grey_at_zero() -> None:
    weights = torch.zeros(2, 3, 2, 2)
    weights[0, 0], weights[1] = 2.0, -1.0
    sheet = np.asarray(filters_sheet(weights, tile=2, padding=0))
    assert sheet.shape == (2, 4, 3)
    assert sheet[0, 0].tolist() == [255, 128, 128]
    assert sheet[0, 2].tolist() == [64, 64, 64]


def test_grey_filters_are_diverging_and_enlarged_without_smoothing() -> None:
    weights = torch.tensor([[[[-1.0, 1.0]]]])
    sheet = np.asarray(filters_sheet(weights, tile=10, padding=3))
    assert sheet.shape == (5 + 6, 10 + 6, 3)
    assert (sheet[3:8, 3:8] == BLUE_RED[0]).all()
    assert (sheet[3:8, 8:13] == BLUE_RED[255]).all()


def test_deep_filters_are_rows_and_channels_columns() -> None:
    sheet = filters_sheet(torch.rand(100, 32, 3, 3), tile=3, padding=1, max_filters=5, max_channels=4)
    assert sheet.size == (4 * 4 + 1, 5 * 4 + 1)


def test_odd_filters_do_not_break_the_sheet() -> None:
    broken = torch.zeros(4, 3, 3, 3)
    broken[0, 1, 1, 1] = torch.nan
    assert HATCH[0] in np.asarray(filters_sheet(broken)) or HATCH[1] in np.asarray(filters_sheet(broken))
    assert filters_sheet(torch.zeros(1, 1, 1, 1)).size == (52, 52)
    with pytest.raises(VitrineError, match=r"not \(10, 5\)"):
        filters_sheet(torch.zeros(10, 5))
