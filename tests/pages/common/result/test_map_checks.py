"""The checks of one map: each made once, under all that it was made of."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import explainers as ex
from pages.common.result.map_checks import QUICK, MapChecks, identity
from pages.common.sections.story import scene

SCENE = "scene:1000031"


def checks(truth: np.ndarray | None = None) -> MapChecks:
    selection = scene("demo:signs-cnn", SCENE)
    attribution = ex.explain(selection.model, selection.image, "grad-cam")
    return MapChecks(selection, attribution, truth)


def test_a_check_is_known_once_it_was_made_and_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"steps": 3}
    assert checks().known("deletion", options) is None
    verdict = checks().verdict("deletion", options)
    monkeypatch.setattr(ex, "verify", None)
    assert checks().known("deletion", options) is verdict
    assert checks().verdict("deletion", options) is verdict
    assert checks().known("deletion", {"steps": 4}) is None


def test_a_price_is_the_librarys() -> None:
    of_the_map = checks()
    price = of_the_map.price("deletion", {"steps": 3})
    expected = ex.estimate_verify(of_the_map.selection.model, of_the_map.attribution, "deletion", steps=3)
    assert (price.forward, price.backward) == (expected.forward, expected.backward)


def test_the_truth_belongs_to_the_quick_checks_alone() -> None:
    bare = checks()
    known = checks(np.zeros(bare.attribution.inputs.shape[-2:], dtype=np.bool_))
    assert known.key(QUICK, {}) != bare.key(QUICK, {})
    assert known.key("deletion", {}) == bare.key("deletion", {})


def test_two_maps_of_one_question_are_told_apart() -> None:
    bare = checks()
    other = ex.explain(bare.selection.model, bare.selection.image, "layer-cam")
    assert identity(other) != identity(bare.attribution)


def test_dear_checks_are_those_that_are_not_made_unasked() -> None:
    of_the_map = checks()
    dear = {check.name for check in of_the_map.dear_checks()}
    made = {finding.check for finding in of_the_map.verdict().findings}
    assert "deletion" in dear
    assert not dear & made


def test_joined_verdicts_keep_order_and_cost() -> None:
    of_the_map = checks()
    parts = [of_the_map.verdict(name, {"steps": 3}) for name in ("insertion", "deletion")]
    joined = ex.Verdict.joined(parts)
    assert [finding.check for finding in joined.findings] == ["insertion", "deletion"]
    assert joined.cost.forward == sum(part.cost.forward for part in parts)
    pd.testing.assert_frame_equal(joined.table(), pd.concat([part.table() for part in parts], ignore_index=True))
