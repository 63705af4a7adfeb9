"""Vitrine does the same work as the others."""

from __future__ import annotations

import pytest
import torch

from benchmarks.cases import pictures
from benchmarks.ours import options_of, vitrine
from benchmarks.setting import CURVES, LAYERS, SIZES, grid_of_regions
from explainers.inputs.segments import grid_segments
from explainers.perturbation.occlusion import OcclusionOptions, patch_corners

CPU = torch.device("cpu")


def test_deletion_and_insertion_make_no_passes_that_the_floor_does_not() -> None:
    verdict = vitrine(CURVES, "mobilenet_v3_small", 1, CPU)()
    steps = SIZES["mobilenet_v3_small"].steps
    assert [finding.cost.forward for finding in verdict.findings] == [steps + 1, steps + 1]


@pytest.mark.parametrize("name", LAYERS)
def test_vitrine_gets_the_regions_and_pictures_that_the_others_get(name: str) -> None:
    size = SIZES[name]
    regions = options_of("lime", name)["regions"]
    assert torch.equal(grid_of_regions(size.side, CPU), grid_segments(224, 224, regions))
    corners = patch_corners(224, 224, OcclusionOptions(**options_of("occlusion", name)))
    assert pictures("occlusion", name) == len(corners)
    assert pictures("lime", name) == options_of("kernel-shap", name)["samples"]
