"""Halves of a picture, maps on a coarse grid, and their copies elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from explainers.trust.checks._hidden_cells import (
    FINE,
    PICTURES,
    SIDE,
    cell_sums,
    coarse,
    correlations,
    halves,
    masks_of,
    moved_copies,
)
from tests.support.attributions import random_map

GRID = SIDE * FINE


def test_every_second_picture_shows_what_the_one_before_hides() -> None:
    shown = halves()
    assert shown.shape == (PICTURES, SIDE * SIDE)
    assert torch.equal(shown[1::2], ~shown[::2])
    assert shown[::2].sum(1).tolist() == [SIDE * SIDE // 2] * (PICTURES // 2)
    assert len({tuple(row.tolist()) for row in shown}) == PICTURES, "no half comes twice"


def test_cells_are_hidden_equally_often_and_not_in_pairs() -> None:
    shown = halves(400).double()
    assert (shown.mean(0) == 0.5).all(), "a half and its complement"
    together = torch.corrcoef(shown.T) - torch.eye(SIDE * SIDE, dtype=torch.float64)
    assert float(together.abs().max()) < 0.3


def test_a_few_pictures_are_the_first_of_many_and_the_seed_decides() -> None:
    assert torch.equal(halves(8, seed=3), halves(64, seed=3)[:8])
    assert not torch.equal(halves(8, seed=3), halves(8, seed=4))


@pytest.mark.parametrize(("height", "width"), [(20, 20), (16, 16), (45, 32), (7, 9)])
def test_masks_show_whole_cells(height: int, width: int) -> None:
    """A pixel belongs to the cell that its middle lies in."""
    shown = halves(4, seed=1)
    masks = masks_of(shown, (height, width))
    assert masks.shape == (4, 1, height, width)
    for row in range(height):
        for column in range(width):
            cell = int((row + 0.5) * SIDE / height) * SIDE + int((column + 0.5) * SIDE / width)
            assert masks[:, 0, row, column].bool().tolist() == shown[:, cell].tolist()


def test_the_cells_of_a_known_map() -> None:
    """A map of one number per cell, in any size, has that number as the mean of each cell."""
    cells = torch.arange(1.0, SIDE * SIDE + 1, dtype=torch.float64)
    for pixels in (1, 4, 8, 24):
        heat = cells.view(SIDE, SIDE).repeat_interleave(pixels, 0).repeat_interleave(pixels, 1)
        assert cell_sums(coarse(heat)[None])[0].tolist() == pytest.approx((cells * FINE**2).tolist())


@pytest.mark.parametrize(("height", "width"), [(40, 40), (80, 120), (160, 40)])
def test_places_are_means_of_what_they_cover(height: int, width: int) -> None:
    heat = torch.from_numpy(np.random.default_rng(0).standard_normal((height, width)))
    blocks = heat.numpy().reshape(GRID, height // GRID, GRID, width // GRID).mean((1, 3))
    assert np.allclose(coarse(heat).numpy(), blocks)
    assert float(cell_sums(coarse(heat)[None]).sum()) == pytest.approx(float(heat.sum()) * GRID**2 / heat.numel())


def test_moved_copies_are_all_moves_but_the_map_itself() -> None:
    """Eight ways to turn and mirror, eight times eight shifts."""
    grid = coarse(random_map(2, GRID).double())
    copies = moved_copies(grid)
    assert copies.shape == (8 * 64 - 1, GRID, GRID)
    kinds = {copy.numpy().tobytes() for copy in copies} | {grid.numpy().tobytes()}
    assert len(kinds) == 8 * 64
    values = grid.flatten().sort().values
    assert all(torch.equal(copy.flatten().sort().values, values) for copy in copies)


def test_moved_copies_are_as_smooth_as_the_map() -> None:
    """The differences of neighbours, round the edges, are the same numbers."""
    grid = coarse(random_map(2, 6).double())

    def steps(values: Tensor) -> Tensor:
        return torch.cat([(values - values.roll(1, axis)).abs().flatten() for axis in (0, 1)]).sort().values

    assert all(torch.allclose(steps(copy), steps(grid)) for copy in moved_copies(grid)[::37])


def test_a_place_is_carried_everywhere_evenly() -> None:
    """A spot visits the 64 places that are multiples of an eighth of the side away, once by each of eight turns."""
    grid = torch.zeros(GRID, GRID)
    grid[0, 0] = 1
    visits = moved_copies(grid).sum(0) + grid
    assert float(visits.sum()) == 8 * 64
    assert set(visits[visits > 0].tolist()) == {2.0}, "a corner is mirrored into a corner: four corners, two ways each"


def test_correlations_are_numpys() -> None:
    rng = np.random.default_rng(1)
    scores, shares = rng.standard_normal(30), rng.standard_normal((6, 30))
    shares[0] = 5 * scores + 2
    shares[1] = -scores
    expected = [np.corrcoef(scores, row)[0, 1] for row in shares]
    assert correlations(torch.from_numpy(scores), torch.from_numpy(shares)).tolist() == pytest.approx(expected)


def test_what_is_constant_correlates_with_nothing() -> None:
    scores, rows = torch.arange(4.0).double(), torch.ones(2, 4).double()
    assert correlations(scores, rows).tolist() == [0, 0]
    assert correlations(torch.ones(4).double(), scores[None]).tolist() == [0]
