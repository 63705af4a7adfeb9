"""Which number gets which end of the colours."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import explainers as ex
from explainers.core.errors import VitrineError
from explainers.render.scale import Clipping, Scale, own_maps


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


def test_what_lies_beyond_the_ends_is_said() -> None:
    values = np.array([[-0.5, 0.0], [1.3, np.nan]])
    assert Scale(0, 0.8).clipping(values) == Clipping(-0.5, 1.3)
    assert Scale(-0.8, 0.8, "diverging").clipping(values) == Clipping(None, 1.3)
    assert Scale(-2, 2, "diverging").clipping(values) == Clipping()
    assert Scale(0, 1).clipping(np.full((2, 2), np.inf)) == Clipping()
    assert Scale(0, 1).clipping(np.array([[1.0004]])) == Clipping(), "no bar of three digits could show that"


@pytest.mark.parametrize("method", ["grad-cam", "integrated-gradients", "gradient"])
def test_the_scale_of_a_map_is_that_of_its_own_cells(method: str) -> None:
    """Between cells values are interpolated: what is drawn and read never exceeds the end of a scale that clips nothing."""
    a = ex.explain(ex.load_model("demo:signs-cnn"), ex.sample("scene:1000050").load(), method)
    cells, scale = own_maps(a)[0], Scale.of_attribution(a)
    assert cells.shape == a.values.shape[-2:]
    clipping = scale.clipping(cells)
    if a.percentile == 100:
        assert scale.high == cells.max()
        assert clipping == Clipping()
    largest = clipping.largest or scale.high
    assert float(a.heatmap().max()) <= largest * (1 + 1e-5)  # float32 interpolation, a few roundings
