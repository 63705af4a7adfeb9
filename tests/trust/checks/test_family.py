"""What holds for every check, whatever the map: its range, and that no scaling of the map changes it."""

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
from tests.support.attributions import PATCH, SIDE, attribution_of, explained, patch_mask, picture
from tests.support.models.networks import Formula, fixed_engine, random_inputs, small_model

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
    model, image = small_model(), random_inputs(1)
    explained = ex.explain(model, image, "smoothgrad", 1, samples=2)
    promise = ex.explain(model, image, "integrated-gradients", 1, steps=4).completeness
    return model, image, replace(explained, completeness=promise), ex.explain(model, image, "grad-cam", 1)


def judged(values: Tensor, name: str, base: ex.Attribution | None = None, **more: Any) -> ex.Finding:
    model, image, explained, other = setting()
    known = {key for key in FEW if key in ex.find_check(name).options.model_fields}
    shown = replace(base or explained, values=values)
    return ex.verify(
        model, image, shown, name, truth=MASK, others=[other], **{key: FEW[key] for key in known}, **more
    ).findings[0]  # fmt: skip


def maps() -> st.SearchStrategy[Tensor]:
    shapes = st.sampled_from([(1, 4, 4), (1, SIDE, SIDE), (1, 3, SIDE, SIDE)])
    return shapes.flatmap(lambda shape: arrays(np.float32, shape, elements=NUMBERS)).map(torch.from_numpy)


@pytest.mark.parametrize("name", CHECKS)
@quick
@given(values=maps(), power=st.integers(-6, 6))
def test_finite_maps_give_finite_values_in_range_and_scaling_changes_nothing(
    name: str, values: Tensor, power: int
) -> None:
    """Scaled by powers of two, which scale floating-point numbers without rounding."""
    check, finding = ex.find_check(name), judged(values, name)
    if finding.value is not None:
        assert np.isfinite(finding.value)
        assert check.low is None or finding.value >= check.low
        assert check.high is None or finding.value <= check.high
    numbers = [value for value in finding.details.values() if isinstance(value, float)]
    assert np.isfinite(numbers).all()
    assert finding.sentence.endswith(".")
    assert "nan" not in finding.sentence.lower().split()
    _, _, explained, _ = setting()
    scale, promise = 2.0**power, explained.completeness
    assert promise is not None
    # What a map must sum up to is scaled with it, as a score in other units would be.
    scaled_promise = ex.Completeness(promise.total * scale, promise.expected * scale)
    scaled = judged(values * scale, name, replace(explained, completeness=scaled_promise))
    assert (finding.value is None) == (scaled.value is None)
    if finding.value is not None:
        assert scaled.value == pytest.approx(finding.value, rel=1e-6, abs=1e-9)
    assert finding.good == scaled.good


@quick
@given(values=arrays(np.float32, (1, SIDE, SIDE), elements=st.floats(width=32)).map(torch.from_numpy))
def test_maps_of_any_number_get_a_verdict(values: Tensor) -> None:
    """NaN and infinity too: one finding says so, and the others are not made."""
    model, image, _, other = setting()
    verdict = ex.verify(model, image, attribution_of(values, image), truth=MASK, others=[other])
    finite = bool(torch.isfinite(values).all())
    assert finite or verdict["map"].good is False
    assert finite or all(finding.value is None for finding in verdict.findings if finding.check != "map")
    assert verdict.sentence.endswith(".")
    assert len(verdict.table()) == len(verdict.findings)


@pytest.mark.parametrize(("task", "broken"), [("classification", float("nan")), ("regression", float("inf"))])
@pytest.mark.parametrize("name", ["deletion", "insertion", "road", "infidelity"])
def test_scores_that_are_no_numbers_say_nothing(name: str, task: str, broken: float) -> None:
    """The whole picture has a score, and what hides a part of its square has none."""

    def answer(inputs: Tensor) -> Tensor:
        seen = inputs[:, :, PATCH[0], PATCH[1]].mean((1, 2, 3))
        return torch.stack([torch.where(seen > 0.9, seen, broken), seen], 1)

    model = ex.Model("broken", Formula(answer), (3, SIDE, SIDE), task=task)
    target = ex.ClassTarget(0) if task == "classification" else ex.RegressionTarget(0)
    verdict = ex.verify(model, picture(), attribution_of(patch_mask()[None].double(), picture(), target), name)
    assert (verdict[name].value, verdict[name].good, verdict[name].clause) == (None, None, "")
    assert "not finite" in verdict[name].sentence


def test_every_check_of_every_kind_of_map() -> None:
    """All of them, on a CAM, slopes, shares, samples and vectors: finite numbers in their ranges, passes as announced."""
    model, image = small_model(), random_inputs(1)
    vectors, row = ex.load_model("demo:diabetes-mlp"), torch.randn(1, 10, generator=torch.Generator().manual_seed(0))
    cases = [
        (model, explained(model, image), True),
        (model, explained(model, image, "smoothgrad", samples=4), True),
        (model, explained(model, image, "integrated-gradients", steps=4), True),
        (model, explained(model, image, "rise", samples=30, cells=4), True),
        (model, explained(model, image, "lrp-epsilon-plus"), True),
        (vectors, ex.explain(vectors, row, "integrated-gradients"), False),
    ]
    for m, attribution, is_image in cases:
        others = [replace(attribution, values=attribution.values.flip(-1))]
        engine = fixed_engine(16)
        few = {"steps": 3, "orders": 4, "samples": 5}
        truth = patch_mask() if is_image else None
        verdict = ex.verify(m, attribution.inputs, attribution, "all", truth=truth, others=others, engine=engine, **few)
        assert {finding.check for finding in verdict.findings} == {
            check.name for check in ex.checks(m, attribution)
        } - (set() if is_image else {"pointing-game"})
        table = verdict.table()
        known = table.dropna(subset=["value"])
        assert len(known) >= len(table) - 2
        assert np.isfinite(known["value"]).all()
        assert (known["value"] >= known["low"].fillna(-np.inf)).all()
        assert (known["value"] <= known["high"].fillna(np.inf)).all()
        expected = ex.estimate_verify(m, attribution, "all", truth=is_image, others=True, engine=engine, **few)
        spent = ex.Cost(int(table["forward passes"].sum()), int(table["backward passes"].sum()))
        assert (verdict.cost.forward, verdict.cost.backward) == (spent.forward, spent.backward)
        forward, backward = expected.forward, expected.backward
        if not is_image:  # it has one output, so the maps of another are announced, but not made
            unmade = ex.estimate_verify(m, attribution, "target-sensitivity", engine=engine)
            assert verdict["target-sensitivity"].value is None
            forward, backward = forward - unmade.forward, backward - unmade.backward
        # A network of two layers is redrawn in two steps, not in the three announced.
        assert abs(spent.forward - forward) <= 0.15 * forward + 3
        assert abs(spent.backward - backward) <= 0.15 * backward + 3
