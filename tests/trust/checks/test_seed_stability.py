"""Seed stability, explained by hand with other seeds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

import explainers as ex
from tests.support.attributions import SIDE
from tests.support.models.networks import random_inputs, small_model

CLASS = 2


def test_seed_stability() -> None:
    model, image = small_model(), random_inputs(1)
    attribution = ex.explain(model, image, "rise", CLASS, samples=60, cells=4, seed=10)
    finding = ex.verify(model, image, attribution, "seed-stability", seeds=2).findings[0]
    expected = [
        spearmanr(
            attribution.heatmap().flatten(), ex.explain(model, image, "rise", CLASS, samples=60, cells=4, seed=seed).heatmap().flatten()
        ).statistic
        for seed in (11, 12)
    ]  # fmt: skip
    assert finding.value == pytest.approx(np.mean(expected))
    assert finding.cost.forward == 2 * 61
    sure = ex.explain(model, image, "rise", CLASS, samples=3000, cells=4, seed=10)
    assert ex.verify(model, image, sure, "seed-stability", seeds=1).findings[0].value > finding.value


def test_a_constant_map_has_no_ranks_to_compare() -> None:
    model, image = small_model(), random_inputs(1)
    constant = replace(ex.explain(model, image, "smoothgrad", samples=2), values=torch.ones(1, SIDE, SIDE))
    finding = ex.verify(model, image, constant, "seed-stability").findings[0]
    assert (finding.value, finding.good, finding.clause) == (None, None, "")
    assert "constant" in finding.sentence
