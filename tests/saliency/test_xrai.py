"""XRAI: regions ranked by attribution."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from explainers.api import explain
from explainers.engine.engine import engine_for
from explainers.engine.run import Run
from explainers.saliency.xrai import rank_regions, region_candidates
from tests.support.models.networks import assert_close, random_inputs, small_model


def test_regions_are_taken_by_the_average_of_what_they_add():
    attribution = torch.tensor([[4.0, 0.0, 0.0, 1.0], [2.0, 0.0, -1.0, 3.0]]).double()
    regions = torch.zeros(4, 2, 4, dtype=torch.bool)
    regions[0, :, 0] = True  # 4 and 2: 3 on average, the first
    regions[1, :, :2] = True  # then adds 0 and 0
    regions[2, :, 2:] = True  # 0, 1, -1 and 3: 0.75
    regions[3, 1, 3] = True  # 3, as good as the first, which comes before it
    ranked = rank_regions(attribution, regions)
    # What is left of the third region is 0, 1 and -1.
    assert ranked.tolist() == [[3, 0, 0, 0], [3, 0, 0, 3]]
    assert float(ranked.sum()) == float(attribution.sum())


def test_regions_that_add_too_little_are_left_to_the_rest():
    attribution = torch.arange(12.0).view(3, 4).double()
    regions = torch.zeros(2, 3, 4, dtype=torch.bool)
    regions[0, 2, 3] = True
    regions[1, :2] = True
    ranked = rank_regions(attribution, regions, min_pixels=2)
    assert ranked.tolist() == [[3.5] * 4, [3.5] * 4, [9.5] * 4]


def slow_ranking(attribution: torch.Tensor, regions: torch.Tensor, min_pixels: int) -> torch.Tensor:
    """Every average made anew for every choice."""
    uncovered, ranked = torch.ones_like(attribution, dtype=torch.bool), torch.zeros_like(attribution)
    while True:
        new = [region & uncovered for region in regions]
        candidates = [
            (float(attribution[part].mean()), -index) for index, part in enumerate(new) if int(part.sum()) >= min_pixels
        ]
        if not candidates:
            break
        best, negative_index = max(candidates)
        ranked[new[-negative_index]] = best
        uncovered &= ~regions[-negative_index]
    if uncovered.any():
        ranked[uncovered] = attribution[uncovered].mean()
    return ranked


@pytest.mark.parametrize("min_pixels", [1, 4])
def test_the_ranking_equals_the_slow_one(min_pixels):
    attribution = random_inputs(1, (20, 24), dtype=torch.float64)[0]
    coarse = random_inputs(30, (5, 6), seed=2)[:, None]
    regions = F.interpolate(coarse, (20, 24), mode="bilinear")[:, 0] > 0.6
    assert_close(rank_regions(attribution, regions, min_pixels), slow_ranking(attribution, regions, min_pixels), 1e-9)


def test_regions_cover_the_picture_at_every_scale_and_grow():
    run = Run(small_model(), engine_for("cpu"))
    image = random_inputs(1, (3, 40, 48))
    plain, grown = region_candidates(run, image, 0), region_candidates(run, image, 2)
    assert plain.any(0).all()
    assert len(plain) == len(grown) > 10
    assert (grown | plain).equal(grown)
    assert grown.sum() > plain.sum()


def test_the_map_is_integrated_gradients_from_black_and_white_in_regions():
    model, inputs = small_model(torch.float64), random_inputs(1, (3, 40, 48), dtype=torch.float64)
    result = explain(model, inputs, "xrai", 2, steps=3)
    black, white = (
        explain(model, inputs, "integrated-gradients", 2, steps=3, baseline=baseline) for baseline in ("black", "white")
    )
    mean = (black.values + white.values) / 2
    regions = region_candidates(Run(model, engine_for("cpu")), inputs, 2)
    expected = rank_regions(mean[0].sum(0).double(), regions, 40 * 48 // 1000)
    assert_close(result.values[0], expected, 1e-6)
    assert_close(result.values.sum(), mean.sum(), 1e-5)
    assert_close(result.completeness.expected, (black.completeness.expected + white.completeness.expected) / 2, 1e-6)
