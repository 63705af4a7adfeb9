"""HSIC against its definition."""

from __future__ import annotations

import numpy as np
import torch

from explainers.perturbation.hsic import hsic_of_columns
from tests.support.models.networks import random_inputs


def test_hsic_by_a_plain_double_loop() -> None:
    shown = random_inputs(1, (40, 3), dtype=torch.float64)[0] > 0
    scores = random_inputs(1, (40,), seed=2, dtype=torch.float64)[0]
    distances = (scores[:, None] - scores[None, :]) ** 2
    kernel = np.exp(-distances.numpy() / (2 * float(distances[distances > 0].median())))
    centring = np.eye(40) - 1 / 40
    expected = []
    for column in shown.T.numpy():
        equal = (column[:, None] == column[None, :]).astype(float)
        expected.append(np.trace(equal @ centring @ kernel @ centring) / 39**2)
    np.testing.assert_allclose(hsic_of_columns(shown.double(), scores).numpy(), expected, rtol=1e-10)
