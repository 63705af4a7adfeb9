"""One input many times, each time with another half of its cells hidden: what a few dozen passes measure of the place of the evidence.

As the same pictures serve to judge any map of the input, a map can be compared with hundreds of opponents for nothing.
"""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor

from explainers.core.rng import seeded_generator

SIDE = 5  # cells along a side: as coarse as a few dozen pictures allow, as fine as a sign or a dog in a photograph
FINE = 8  # places along a cell's side at which maps are looked at when they are moved
PICTURES = 64


def halves(pictures: int = PICTURES, seed: int = 0) -> Tensor:
    """Which cells each picture shows, (pictures, cells) bool: random halves, each followed by its complement."""
    source, cells = seeded_generator("cpu", seed), SIDE * SIDE
    rows = []
    for _ in range(pictures // 2):
        shown = torch.zeros(cells, dtype=torch.bool)
        shown[torch.randperm(cells, generator=source)[: cells // 2]] = True
        rows += [shown, ~shown]
    return torch.stack(rows)


def masks_of(shown: Tensor, size: tuple[int, int]) -> Tensor:
    """The halves as masks (pictures, 1, H, W), 1 where a cell is seen."""
    return F.interpolate(shown.view(-1, 1, SIDE, SIDE).float(), size, mode="nearest-exact")


def coarse(heat: Tensor) -> Tensor:
    """A map (H, W) on a square grid of SIDE x FINE places a side, each the mean of what it covers, so that it can be turned."""
    return F.adaptive_avg_pool2d(heat[None, None], (SIDE * FINE, SIDE * FINE))[0, 0]


def cell_sums(grids: Tensor) -> Tensor:
    """How much of each map (m, SIDE x FINE, SIDE x FINE) lies in each cell, (m, cells)."""
    return F.avg_pool2d(grids[:, None], FINE).flatten(1) * FINE**2


def moved_copies(grid: Tensor) -> Tensor:
    """A square map turned, mirrored and shifted in every combination, what leaves on one side coming in on the other; itself left out.

    They are as smooth as the map and have its values; only the place differs.
    """
    side = grid.shape[0]
    steps = range(0, side, max(1, side // 8))
    turned = [torch.rot90(flipped, turns) for flipped in (grid, grid.flip(1)) for turns in range(4)]
    copies = [torch.roll(copy, shift, (0, 1)) for copy in turned for shift in itertools.product(steps, steps)]
    return torch.stack(copies[1:])


def correlations(scores: Tensor, shares: Tensor) -> Tensor:
    """Pearson correlation of scores (n,) with every row of shares (m, n), (m,); 0 where a row is constant."""
    centred_scores, centred_shares = scores - scores.mean(), shares - shares.mean(1, keepdim=True)
    norms = centred_scores.norm() * centred_shares.norm(dim=1)
    return torch.where(norms > 0, (centred_shares @ centred_scores) / norms.clamp_min(1e-300), 0.0).clamp(-1, 1)
