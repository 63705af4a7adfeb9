"""Feature ablation against a plain loop."""

from __future__ import annotations

import torch

from explainers.api import explain
from explainers.inputs.segments import Segments, segment_input
from tests.support.models.networks import assert_close, random_inputs, small_model


def test_feature_ablation_by_a_plain_loop() -> None:
    model, image = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    regions = segment_input(model, image, Segments.GRID, 6)
    expected = torch.zeros(16, 16, dtype=torch.float64)
    with torch.no_grad():
        whole_score = model.network(image)[0, 1]
        for region in range(6):
            covered = image.masked_fill(regions == region, 0)
            expected[regions == region] = whole_score - model.network(covered)[0, 1]
    attribution = explain(model, image, "feature-ablation", 1, segments="grid", regions=6, fill="zero")
    assert_close(attribution.values[0], expected, 1e-6)
