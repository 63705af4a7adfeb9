"""Which number gets which end of the colours."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explainers.core.errors import VitrineError
from explainers.render.scale import Scale


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
