"""Lines run where they say: round a cone they are circles of the right radius."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from explainers.render.contours import BLUR, FINE, draw_contours, evened, levels, outline
from explainers.render.scale import Scale

SIDE = 201
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE] - SIDE // 2
DISTANCE = np.hypot(ROWS, COLUMNS)
CONE = np.clip(1 - DISTANCE / 80, 0, None)  # 1 in the middle, 0 from a radius of 80 px on
GREY = Image.new("RGB", (SIDE, SIDE), (128, 128, 128))


def marked(picture: Image.Image) -> np.ndarray:
    """Where light lines are."""
    return np.asarray(picture).min(-1) > 200


def test_the_lines_of_a_cone_are_circles_at_25_50_and_75_percent() -> None:
    light = marked(draw_contours(GREY, CONE, Scale(0, 1)))
    radii = [60, 40, 20]
    nearest = np.abs(DISTANCE[light][:, None] - radii)
    assert nearest.min(1).max() < 3  # half the width of the thickest line, and a pixel
    assert set(nearest.argmin(1).tolist()) == {0, 1, 2}
    for radius in radii:  # all the way round
        ring = np.abs(DISTANCE - radius) < 2
        directions = np.unique(
            np.degrees(
                np.arctan2(ROWS, COLUMNS)[ring & (np.asarray(draw_contours(GREY, CONE, Scale(0, 1))).min(-1) > 140)]
            ).round(-1)
        )
        assert len(directions) >= 36
    dark = np.asarray(draw_contours(GREY, CONE, Scale(0, 1))).max(-1) < 60
    assert dark.sum() > 200, "on both sides of each line"


def test_lines_are_shares_of_the_scale_and_a_weak_map_has_none() -> None:
    assert [line.level for line in levels(Scale(0, 4))] == [1, 2, 3]
    signed = levels(Scale(-4, 4, "diverging"))
    assert [(line.level, line.dashed) for line in signed] == [
        (-3, True), (-2, True), (-1, True), (1, False), (2, False), (3, False),
    ]  # fmt: skip
    assert np.array_equal(np.asarray(draw_contours(GREY, 0.2 * CONE, Scale(0, 1))), np.asarray(GREY))


def test_negative_lines_are_dashed() -> None:
    scale = Scale(-1, 1, "diverging")
    solid, dashed = (marked(draw_contours(GREY, sign * CONE, scale)).sum() for sign in (1, -1))
    assert 0.4 * solid < dashed < 0.8 * solid  # nine of fifteen pixels are drawn


def test_values_that_are_not_finite_end_a_line_and_leave_the_rest() -> None:
    broken = CONE.copy()
    broken[:, : SIDE // 2] = np.nan
    light = marked(draw_contours(GREY, broken, Scale(0, 1)))
    assert not light[:, : SIDE // 2 - 3].any()
    assert np.array_equal(light[:, SIDE // 2 + 4 :], marked(draw_contours(GREY, CONE, Scale(0, 1)))[:, SIDE // 2 + 4 :])


def test_coarse_maps_stay_as_they_are_and_fine_ones_are_averaged() -> None:
    coarse = np.random.default_rng(0).random((FINE, 7))
    same, scale = evened(coarse, Scale(0, 1))
    assert same is coarse
    assert scale == Scale(0, 1)
    point = np.zeros((101, 101))
    point[50, 50] = 1.0
    spread, shrunk = evened(point, Scale(0, 1))
    assert spread.sum() == pytest.approx(1, rel=1e-3)
    sigma = BLUR * 101
    assert spread[50, 50] == pytest.approx(1 / (2 * np.pi * sigma**2), rel=0.02)  # the Gaussian's own height
    assert shrunk.high == pytest.approx(spread.max())
    assert evened(np.zeros((99, 99)), Scale(0, 1))[1] == Scale(0, 1)


def test_a_region_is_outlined_where_it_ends_and_along_the_sides_of_the_picture() -> None:
    region = np.zeros((10, 10), bool)
    region[:5, :5] = True
    light = marked(outline(Image.new("RGB", (100, 100), (128, 128, 128)), region))
    rows, columns = np.nonzero(light)
    assert rows.max() <= 52
    assert columns.max() <= 52
    assert light[48:52, 10:40].any(0).all()
    assert light[10:40, 48:52].any(1).all()
    assert light[:2, 10:40].any(0).all()
    assert not light[8:42, 8:42].any()
