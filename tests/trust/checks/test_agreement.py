"""Agreement with other maps, by SciPy's rank correlation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

import explainers as ex
from explainers.trust.ranking import top_overlap
from tests.support.models.networks import random_inputs, small_model

CLASS = 2


def test_agreement() -> None:
    model, image = small_model(), random_inputs(1)
    attributions = [ex.explain(model, image, name, CLASS) for name in ("grad-cam", "hires-cam", "input-x-gradient")]
    finding = ex.verify(model, image, attributions[0], "agreement", others=attributions[1:]).findings[0]
    heats = [m.heatmap()[0] for m in attributions]
    expected = [spearmanr(heats[0].flatten(), other.flatten()).statistic for other in heats[1:]]
    assert finding.table["rank correlation"].tolist() == pytest.approx(expected)
    assert finding.value == pytest.approx(np.mean(expected))
    assert finding.table["overlap of the top 10 %"].tolist() == pytest.approx(
        [top_overlap(heats[0].double(), other.double()) for other in heats[1:]]
    )
    assert ex.verify(model, image, attributions[0], "agreement", others=[attributions[0]]).findings[
        0
    ].value == pytest.approx(1)
