"""Completeness: the gap between a map's sum and what it promises."""

from __future__ import annotations

import pytest

import explainers as ex
from tests.support.models.networks import random_inputs, small_model


def test_completeness_is_met_and_missed() -> None:
    model, image = small_model(), random_inputs(1)
    exact = ex.explain(model, image, "integrated-gradients", 1, steps=200)
    assert ex.verify(model, image, exact, "completeness").findings[0].value == pytest.approx(0, abs=0.01)
    rough = ex.explain(model, image, "integrated-gradients", 1, steps=2)
    promise = rough.completeness
    assert promise is not None
    gap = abs(float(promise.total[0] - promise.expected[0])) / abs(float(promise.expected[0]))
    assert ex.verify(model, image, rough, "completeness").findings[0].value == pytest.approx(gap, rel=1e-5)
