"""Distances of a world known in closed form, and a reference that comes back from its file as it went."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import explainers as ex
from explainers.trust.ground.reference import Reference, spread_of
from tests.support.references import line_reference


def test_distances_of_a_known_gaussian() -> None:
    """Features are a rotated and stretched normal draw: whitened, they have unit covariance, and distances are chi of 3."""
    random = torch.Generator().manual_seed(0)
    normal = torch.randn(20_000, 3, generator=random, dtype=torch.float64)
    stretch = torch.tensor([[2.0, 0, 0], [1.0, 1, 0], [0, 0.5, 0.1]], dtype=torch.float64)
    spread = spread_of(normal @ stretch.T + 5)
    whitened = (normal @ stretch.T + 5 - spread.means.double()) @ spread.whitening.double()
    # A covariance estimated from N rows is off by about sqrt(2 / N) = 0.01 in each place.
    torch.testing.assert_close(torch.cov(whitened.T), torch.eye(3, dtype=torch.float64), rtol=0, atol=0.05)
    reference = Reference("", "", "", spread.means, spread.whitening, torch.ones(1), torch.zeros(10), torch.zeros(10))
    distances = reference.distance(normal @ stretch.T + 5)
    torch.testing.assert_close(distances, normal.norm(dim=1), rtol=0.03, atol=0.05)


def test_the_nearest_class_counts() -> None:
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(2000) % 2
    features = torch.randn(2000, 2, generator=random) + labels[:, None] * torch.tensor([20.0, 0.0])
    spread = spread_of(features, labels.tolist())
    reference = Reference("", "", "", spread.means, spread.whitening, torch.ones(1), torch.zeros(10), torch.zeros(10))
    near, between = reference.distance(torch.tensor([[20.0, 0.0], [10.0, 0.0]]))
    assert near < 0.2
    assert 9 < between < 11


def test_share_that_is_farther_and_the_limit() -> None:
    reference = line_reference()
    assert reference.farther(0.9) == pytest.approx(0.1)
    assert reference.farther(2.0) == 0
    assert reference.far == pytest.approx(0.98, abs=0.01)
    assert reference.distance(torch.tensor([[3.0], [2.0]])).tolist() == [2.0, 0.0]


def test_few_answers_are_not_told() -> None:
    assert line_reference().reliability(0.5) is None
    assert line_reference().sure_from == 1


def test_it_comes_back_from_its_file(tmp_path: Path) -> None:
    reference = line_reference()
    reference.save(tmp_path / "line.safetensors")
    again = Reference.load(tmp_path / "line.safetensors")
    assert (again.world, again.layer, again.far) == (reference.world, "head", reference.far)
    assert torch.equal(again.distances, reference.distances)


def test_one_picture_is_too_few() -> None:
    with pytest.raises(ex.VitrineError, match="at least two pictures"):
        spread_of(torch.zeros(1, 3))
