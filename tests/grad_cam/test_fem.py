"""FEM."""

from __future__ import annotations

from explainers.api import explain
from tests.support.models.networks import assert_close
from tests.support.worked_example import ACTIVATIONS, weighted_channels


def test_fem_weighs_channels_by_how_rarely_they_fire(weighed):
    """Half a deviation above their means, 2.5 and 2, are the 4 of the first channel and the 6 of the second: a quarter of
    the places each. One deviation below them are all but the 1 of the first and all of the second."""
    assert_close(explain(weighed, ACTIVATIONS, "fem", deviations=0.5).values, weighted_channels(1 / 4, 1 / 4), 1e-7)
    assert_close(explain(weighed, ACTIVATIONS, "fem", deviations=0.0).values, weighted_channels(2 / 4, 1 / 4), 1e-7)
