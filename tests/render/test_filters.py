"""Filters as pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explainers.core.errors import VitrineError
from explainers.render.colormaps import COLORMAPS
from explainers.render.filters import filters_sheet
from explainers.render.overlay import HATCH

VIRIDIS = COLORMAPS["viridis"].lut

BLUE_RED = COLORMAPS["blue-red"].lut


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
