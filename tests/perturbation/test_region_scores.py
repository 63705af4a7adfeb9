"""Scores of pictures in which some regions are shown, and values of regions at their pixels."""

from __future__ import annotations

import torch
from torch import Tensor

from explainers.core.target import ClassTarget
from explainers.engine.run import Run
from explainers.inputs.baselines import Fill, baseline_for
from explainers.inputs.segments import Segments
from explainers.perturbation._family import RegionOptions
from explainers.perturbation._region_scores import coalition_scores, region_estimate
from tests.support.models.networks import fixed_engine, random_inputs, small_model


def test_scores_are_those_of_pictures_with_the_other_regions_filled() -> None:
    model, image = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    options = RegionOptions(segments=Segments.GRID, regions=4, fill=Fill.BLUR)
    coalitions = torch.tensor([[True, False, False, True], [False] * 4, [True] * 4])

    def draw(regions: int) -> Tensor:
        assert regions == 4
        return coalitions

    regions, chunks = coalition_scores(Run(model, fixed_engine(2)), image, ClassTarget(1), options, draw)
    shown, scores = (torch.cat(parts) for parts in zip(*chunks, strict=True))
    assert torch.equal(shown, coalitions.double())
    filled = baseline_for(model, image, Fill.BLUR)
    with torch.no_grad():
        for coalition, score in zip(coalitions, scores, strict=True):
            picture = torch.where(coalition[regions], image, filled)
            torch.testing.assert_close(score, model.network(picture)[0, 1])


def test_values_of_regions_stand_at_their_pixels() -> None:
    regions, image = torch.tensor([[0, 0], [1, 2]]), torch.zeros(1, 3, 2, 2)
    values, error = torch.tensor([[1.0, 2.0, 3.0], [0.1, 0.2, 0.3]], dtype=torch.float64)
    estimate = region_estimate(values, error, 0.5, regions, image)
    assert estimate.values.tolist() == [[1, 1], [2, 3]]
    assert estimate.values.dtype == torch.float32
    assert estimate.error is not None
    torch.testing.assert_close(estimate.error, torch.tensor([[0.1, 0.1], [0.2, 0.3]]))
    assert region_estimate(values, None, 0.5, regions, image).error is None
