"""Masks made of the cells of a grid, and their scores."""

from __future__ import annotations

import torch

from explainers.core.target import ClassTarget
from explainers.engine.run import Run
from explainers.inputs.baselines import Fill
from explainers.perturbation._grid_cells import GridOptions, cell_map, grid_mask_scores, upsample_cells
from tests.support.models.networks import fixed_engine, random_inputs, small_model


def test_cells_are_laid_on_pixels_as_evenly_as_these_allow() -> None:
    image = random_inputs(1, (3, 4, 6))
    values = torch.tensor([1.0, 2.0, 3.0, 4.0])
    expected = torch.tensor([[1.0, 1, 1, 2, 2, 2]] * 2 + [[3.0, 3, 3, 4, 4, 4]] * 2)
    assert torch.equal(cell_map(values, image, GridOptions(cells=2)), expected)
    assert upsample_cells(values.expand(5, -1), image, GridOptions(cells=2)).shape == (5, 1, 4, 6)


def test_scores_are_those_of_masked_pictures() -> None:
    """Worked out picture by picture: cells half shown are half filled."""
    model, image = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    options = GridOptions(cells=2, fill=Fill.ZERO)
    shown = torch.tensor([[1.0, 0.0, 0.5, 1.0], [0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]])
    scores = list(grid_mask_scores(Run(model, fixed_engine(2)), image, ClassTarget(1), options, shown, 0))
    assert [len(chunk) for chunk in scores] == [2, 1]
    with torch.no_grad():
        for row, score in zip(shown, torch.cat(scores), strict=True):
            masked = image * row.view(2, 2).repeat_interleave(8, 0).repeat_interleave(8, 1)
            torch.testing.assert_close(score, model.network(masked)[0, 1])
