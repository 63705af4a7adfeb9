"""LayerCAM."""

from __future__ import annotations

from explainers.api import explain
from tests.support.worked_example import ACTIVATIONS


def test_negative_gradients_do_not_count(weighed):
    """What is left of [[-1, 0], [1, 2]] and [[2, -4], [-1, 1]] times activations that are all negative is negative."""
    assert not explain(weighed, -ACTIVATIONS, "layer-cam", 0).values.any()
