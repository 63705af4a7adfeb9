"""Feature permutation in cases where nothing is left to chance, or chance has no effect."""

from __future__ import annotations

import pytest
import torch

from explainers.api import explain
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.inputs.segments import Segments, segment_input
from tests.support.models.networks import Linear, assert_close, random_inputs

SIDE = 16


def test_values_come_from_the_other_inputs() -> None:
    """Of two inputs each can only be given the other's values, so nothing is left to chance."""
    weights = torch.tensor([[2.0], [0.0], [-1.0]])
    model = Model("linear", Linear(weights), (3,), task="regression")
    inputs = torch.tensor([[1.0, 2.0, 3.0], [0.0, 5.0, 7.0]])
    attribution = explain(model, inputs, "feature-permutation", 0)
    assert_close(attribution.values, torch.tensor([[2.0, 0.0, 4.0], [-2.0, 0.0, -4.0]]), 1e-6)
    with pytest.raises(VitrineError, match="give a batch"):
        explain(model, inputs[:1], "feature-permutation", 0)


def test_values_of_a_picture_alone_come_from_other_places_in_it() -> None:
    """A score that adds up all pixels falls, on average over shuffles, by what lies above the picture's mean in a region.

    So over regions of one size the drops add up to nothing; a draw's drop has the deviation of the pixels, times the root
    of the region's size.
    """
    model = Model("sum", Linear(torch.ones(3 * SIDE * SIDE, 1, dtype=torch.float64)), (3, SIDE, SIDE))
    image = random_inputs(1, dtype=torch.float64)
    draws, regions = 200, segment_input(model, image, Segments.GRID, 4)
    attribution = explain(model, image, "feature-permutation", 0, segments="grid", regions=4, draws=draws)
    pixels = image[0].sum(0)
    standard_error = float(pixels.std()) * (SIDE * SIDE / 4 / draws) ** 0.5
    for region in range(4):
        expected = float((pixels - pixels.mean())[regions == region].sum())
        assert abs(float(attribution.values[0][regions == region][0]) - expected) < 4 * standard_error
