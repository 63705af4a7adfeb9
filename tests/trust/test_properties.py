"""Properties of every check, whatever the map: its range, and that no scaling of the map changes it."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

import explainers as ex
from tests.support.attributions import SIDE, attribution
from tests.support.networks import random_inputs, small_model

FEW = {"steps": 3, "orders": 3, "samples": 4, "copies": 1, "seeds": 1}
CHECKS = [check.name for check in ex.checks()]
MASK = torch.zeros(SIDE, SIDE, dtype=torch.bool)
MASK[2:7, 3:12] = True
# Finite float32 of any size, ties and zeros among them; not so small that scaling makes them vanish.
NUMBERS = st.one_of(
    st.sampled_from([0.0, 1.0, -1.0]),
    st.floats(2.0**-20, 2.0**20, width=32),
    st.floats(-(2.0**20), -(2.0**-20), width=32),
)
quick = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))


@functools.cache
def setting() -> tuple[ex.Model, Tensor, ex.Attribution, ex.Attribution]:
    """A model, an input, a made map that has everything that a check can ask for, and another map."""
    model, one = small_model(), random_inputs(1)
    made = ex.explain(model, one, "smoothgrad", 1, samples=2)
    promise = ex.explain(model, one, "integrated-gradients", 1, steps=4).completeness
    return model, one, replace(made, completeness=promise), ex.explain(model, one, "grad-cam", 1)


def judged(values: Tensor, name: str, base: ex.Attribution | None = None, **more: Any) -> ex.Finding:
    model, one, made, other = setting()
    known = {key for key in FEW if key in ex.find_check(name).options.model_fields}
    shown = replace(base or made, values=values)
    return ex.verify(
        model, one, shown, name, truth=MASK, others=[other], **{key: FEW[key] for key in known}, **more
    ).findings[0]  # fmt: skip


def maps() -> st.SearchStrategy[Tensor]:
    shapes = st.sampled_from([(1, 4, 4), (1, SIDE, SIDE), (1, 3, SIDE, SIDE)])
    return shapes.flatmap(lambda shape: arrays(np.float32, shape, elements=NUMBERS)).map(torch.from_numpy)


@pytest.mark.parametrize("name", CHECKS)
@quick
@given(values=maps())
def test_finite_maps_give_finite_values_in_range(name: str, values: Tensor) -> None:
    check, finding = ex.find_check(name), judged(values, name)
    if finding.value is not None:
        assert np.isfinite(finding.value)
        assert check.low is None or finding.value >= check.low
        assert check.high is None or finding.value <= check.high
    numbers = [value for value in finding.details.values() if isinstance(value, float)]
    assert np.isfinite(numbers).all()
    assert finding.sentence.endswith(".")
    assert "nan" not in finding.sentence.lower().split()


@pytest.mark.parametrize("name", CHECKS)
@quick
@given(values=maps(), power=st.integers(-6, 6))
def test_scaling_the_map_changes_nothing(name: str, values: Tensor, power: int) -> None:
    """Powers of two: they scale floating-point numbers without rounding."""
    _, _, made, _ = setting()
    scale = 2.0**power
    promise = made.completeness
    assert promise is not None
    # What a map must sum up to is scaled with it, as a score in other units would be.
    scaled = replace(made, completeness=ex.Completeness(promise.total * scale, promise.expected * scale))
    before, after = judged(values, name), judged(values * scale, name, scaled)
    assert (before.value is None) == (after.value is None)
    if before.value is not None:
        assert after.value == pytest.approx(before.value, rel=1e-6, abs=1e-9)
    assert before.good == after.good


@pytest.mark.parametrize("name", CHECKS)
@quick
@given(shape=st.sampled_from([(1, SIDE * SIDE), (2, SIDE, SIDE), (SIDE,), (1, 0, SIDE)]))
def test_mismatched_shapes_are_refused(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ex.VitrineError, match="no map of an input"):
        judged(torch.zeros(shape), name)


@pytest.mark.parametrize("name", ["pointing-game", "energy-inside", "truth-overlap", "relevance-rank-accuracy"])
@quick
@given(height=st.integers(1, 30), width=st.integers(1, 30))
def test_masks_of_another_size_are_refused(name: str, height: int, width: int) -> None:
    model, one, made, _ = setting()
    if (height, width) == (SIDE, SIDE):
        return
    mask = torch.zeros(height, width, dtype=torch.bool)
    with pytest.raises(ex.VitrineError, match=f"{SIDE} x {SIDE}"):
        ex.verify(model, one, made, name, truth=mask)


@quick
@given(values=arrays(np.float32, (1, SIDE, SIDE), elements=st.floats(width=32)).map(torch.from_numpy))
def test_maps_of_any_number_get_a_verdict(values: Tensor) -> None:
    """NaN and infinity too: one finding says so, and the others are not made."""
    model, one, _, other = setting()
    verdict = ex.verify(model, one, attribution(values, one), truth=MASK, others=[other])
    finite = bool(torch.isfinite(values).all())
    assert finite or verdict["map"].good is False
    assert finite or all(finding.value is None for finding in verdict.findings if finding.check != "map")
    assert verdict.sentence.endswith(".")
    assert len(verdict.table()) == len(verdict.findings)
