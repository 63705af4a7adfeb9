"""Occlusion against a plain loop."""

from __future__ import annotations

import torch

from explainers.api import explain
from explainers.perturbation.occlusion import OcclusionOptions, patch_corners
from tests.support.models.networks import assert_close, random_inputs, small_model

SIDE = 16


def test_occlusion_by_a_plain_loop() -> None:
    model, image = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    with torch.no_grad():
        whole_score = model.network(image)[0, 1]
        drops, coverings = torch.zeros(SIDE, SIDE), torch.zeros(SIDE, SIDE)
        for top, left in patch_corners(SIDE, SIDE, OcclusionOptions(patch=6, stride=4)).tolist():
            covered = image.clone()
            covered[..., top : top + 6, left : left + 6] = 0
            drops[top : top + 6, left : left + 6] += whole_score - model.network(covered)[0, 1]
            coverings[top : top + 6, left : left + 6] += 1
    attribution = explain(model, image, "occlusion", 1, patch=6, stride=4, fill="zero")
    assert coverings.min() > 0
    assert_close(attribution.values[0], drops / coverings, 1e-6)


def test_patches_reach_every_pixel_and_the_last_over_the_edge() -> None:
    options = OcclusionOptions(patch=4, stride=3)
    assert patch_corners(4, 9, options).tolist() == [[0, 0], [0, 3], [0, 6]]
    assert patch_corners(3, 2, options).tolist() == [[0, 0]]
