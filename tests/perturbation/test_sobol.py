"""Total Sobol indices against a closed form."""

from __future__ import annotations

import torch

from explainers.perturbation.sobol import total_indices


def test_indices_of_a_sum_are_the_squares_of_its_weights() -> None:
    """For a sum of independent parts the total index of each is its share of the variance."""
    weights = torch.tensor([1.0, 2.0, 0.0, 3.0], dtype=torch.float64)
    points = torch.quasirandom.SobolEngine(8, scramble=True, seed=1).draw(4096).double()
    first, second = points[:, :4], points[:, 4:]
    mixed = torch.where(torch.eye(4, dtype=torch.bool), second[:, None], first[:, None])
    scores = torch.cat([(first @ weights)[:, None], (second @ weights)[:, None], mixed @ weights], 1)
    values, error = total_indices(scores)
    expected = weights.square() / weights.square().sum()
    torch.testing.assert_close(values, expected, atol=0.01, rtol=0)
    assert values[2] == 0
    assert error[2] == 0
