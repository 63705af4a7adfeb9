"""Input stability: maps of changed inputs, made by hand and laid back in place."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import spearmanr

import explainers as ex
from explainers.trust.checks.input_stability import InputStabilityOptions, small_changes
from tests.support.models.networks import random_inputs, small_model

CLASS = 2


def test_input_stability() -> None:
    model, image = small_model(), random_inputs(1)
    attribution = ex.explain(model, image, "grad-cam", CLASS)
    finding = ex.verify(model, image, attribution, "input-stability", shift=2, noise=0.1, copies=2).findings[0]
    moves = {
        "2 px right": (lambda x: x.roll(2, -1), lambda x: x.roll(-2, -1)),
        "2 px up": (lambda x: x.roll(-2, -2), lambda x: x.roll(2, -2)),
        "mirrored": (lambda x: x.flip(-1), lambda x: x.flip(-1)),
    }
    rows = finding.table.set_index("change")
    for name, (change, back) in moves.items():
        again = ex.explain(model, change(image), "grad-cam", CLASS)
        expected = spearmanr(attribution.heatmap().flatten(), back(again.heatmap()).flatten()).statistic
        assert rows.loc[name, "rank correlation"] == pytest.approx(expected, abs=1e-4)
        assert rows.loc[name, "score"] == pytest.approx(float(again.score[0]), abs=1e-4)
        top = [ex.predict(model, x).outputs.argmax().item() for x in (image, change(image))]
        assert bool(rows.loc[name, "same answer"]) == (top[0] == top[1])
    same_answer = finding.table[finding.table["same answer"]]["rank correlation"].dropna()
    assert finding.value == pytest.approx(same_answer.mean())


def test_every_change_is_brought_back() -> None:
    image = random_inputs(1)
    for name, change, back in small_changes(InputStabilityOptions(copies=0, shift=3)):
        assert not torch.equal(change(image), image), name
        assert torch.equal(back(change(image)), image), name
