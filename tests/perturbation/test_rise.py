"""RISE: its masks, its map by a plain loop, and its standard errors."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from explainers.api import explain
from explainers.core.model import Model
from explainers.inputs.baselines import Fill
from explainers.perturbation.rise import RiseOptions, random_masks
from tests.support.models.networks import Formula, assert_close, random_inputs, small_model


def test_masks_are_those_of_the_paper() -> None:
    """Upsampled grids one cell larger than the picture, cut out at a random shift: re-derived with a plain loop."""
    options = RiseOptions(samples=16, cells=5, shown=0.3)
    masks = random_masks(torch.zeros(1, 3, 20, 27), options)(slice(0, 16))
    generator = torch.Generator().manual_seed(0)
    grids = (torch.rand(16, 5, 5, generator=generator) < 0.3).float()
    down = torch.randint(4, (16,), generator=generator)
    right = torch.randint(6, (16,), generator=generator)
    for mask, grid, top, left in zip(masks, grids, down.tolist(), right.tolist(), strict=True):
        large = F.interpolate(grid[None, None], (6 * 4, 6 * 6), mode="bilinear", align_corners=False)[0, 0]
        torch.testing.assert_close(mask[0], large[top : top + 20, left : left + 27])


def test_rise_by_a_plain_loop() -> None:
    model, image = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    options = RiseOptions(samples=30, cells=4, fill=Fill.MEAN)
    masks = random_masks(image, options)(slice(0, 30))
    mean = image.mean((2, 3), keepdim=True)
    with torch.no_grad():
        scores = model.network(image * masks + mean * (1 - masks))[:, 1]
    weights = masks[:, 0]
    expected = (scores.view(-1, 1, 1) * weights).sum(0) / weights.sum(0) - scores.mean()
    attribution = explain(model, image, "rise", 1, samples=30, cells=4, fill="mean")
    assert_close(attribution.values[0], expected, 1e-6)


@pytest.mark.parametrize("shown", [0.3, 0.9])
def test_standard_errors_are_the_spread_between_seeds(shown: float) -> None:
    """A spread over 60 seeds is known to 9 %: its mean over pixels better than that, each pixel's to three times as much."""
    weights = random_inputs(1, (3, 8, 8), dtype=torch.float64)

    def score(x: Tensor) -> Tensor:
        return (x * weights).sum((1, 2, 3)).unsqueeze(1).div(4).tanh() + x.mean((1, 2, 3)).unsqueeze(1)

    model, image = Model("bent", Formula(score), (3, 8, 8)), random_inputs(1, (3, 8, 8), seed=2, dtype=torch.float64)
    attributions = [
        explain(model, image, "rise", 0, samples=300, seed=seed, cells=4, shown=shown, fill="mean")
        for seed in range(60)
    ]
    spread = torch.cat([attribution.values for attribution in attributions]).std(0)
    error = torch.cat([a.error for a in attributions if a.error is not None]).square().mean(0).sqrt()
    assert 0.85 < float(error.square().mean().sqrt() / spread.square().mean().sqrt()) < 1.15
    assert float((error / spread).log().abs().max()) < math.log(1.6)
