"""A reference of one's own pictures: familiar ones are told from others, and answers are judged as unmeasured ones are."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import explainers as ex
from explainers.trust.ground.sureness import SURE


def normal_world() -> tuple[ex.Model, torch.Tensor]:
    """Vectors of four standard normal numbers, and a network whose features they are: distances are chi of four."""
    network = nn.Sequential(nn.Identity(), nn.Linear(4, 3)).eval()
    with torch.no_grad():
        network[1].bias.copy_(torch.tensor([50.0, 0.0, 0.0]))  # one answer to all: a single mean
    return ex.Model("linear", network, (4,)), torch.randn(4000, 4, generator=torch.Generator().manual_seed(0))


def test_distances_of_a_normal_world() -> None:
    model, inputs = normal_world()
    reference = ex.familiarity_reference(model, inputs, "normal numbers")
    assert reference.layer == "1"
    assert len(reference.distances) == 2000
    # The root of chi squared's 98th percentile for four degrees of freedom, 11.668; the quantile of 2000 is off by 0.05.
    assert reference.far == pytest.approx(11.668**0.5, abs=0.15)
    near = ex.answer_ground(model, torch.full((1, 4), 0.5), reference=reference)
    far = ex.answer_ground(model, torch.full((1, 4), 5.0), reference=reference)
    assert near["familiar"].good is True
    assert far["familiar"].good is False
    assert far["familiar"].details["distance"] == pytest.approx(10.0, rel=0.1)
    assert far.grade is ex.Grade.NOT_SUPPORTED
    assert near["sure"].details["threshold"] == SURE


def test_classes_are_told_apart_by_the_answers() -> None:
    """Two clouds at -10 and 10: between them nothing is familiar, though it is near the mean of all."""
    network = nn.Sequential(nn.Identity(), nn.Linear(4, 2, bias=False)).eval()
    with torch.no_grad():
        network[1].weight.copy_(torch.tensor([[1.0, 0, 0, 0], [-1.0, 0, 0, 0]]))
    model = ex.Model("clouds", network, (4,))
    inputs = torch.randn(400, 4, generator=torch.Generator().manual_seed(0))
    inputs[:, 0] += 10 * (1 - 2 * (torch.arange(400) // 2 % 2))
    reference = ex.familiarity_reference(model, inputs)
    assert sorted(reference.means[:, 0].round().tolist()) == [-10, 10]
    distances = reference.distance(torch.tensor([[10.0, 0, 0, 0], [0.0, 0, 0, 0]]))
    assert distances.tolist() == pytest.approx([0, 10], rel=0.1, abs=0.3)


def test_what_does_not_fit_is_refused() -> None:
    model, inputs = normal_world()
    with pytest.raises(ex.VitrineError, match="at least 20 pictures, better hundreds, and 19 came"):
        ex.familiarity_reference(model, inputs[:19])
    other = ex.Model("other", nn.Sequential(nn.Linear(4, 3)).eval(), (4,))
    with pytest.raises(ex.VitrineError, match="of another model than other"):
        ex.answer_ground(other, inputs[:1], reference=ex.familiarity_reference(model, inputs))
    box = ex.wrap(lambda rows: rows[:, :3], input_shape=(4,))
    with pytest.raises(ex.VitrineError, match="no linear or convolutional layer at its end"):
        ex.familiarity_reference(box, inputs)
