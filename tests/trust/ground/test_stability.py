"""How stable: each change is what its name says, and a network that flips under a move is told from one that does not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import explainers as ex
from explainers.trust.ground.stability import LIGHT, Range, changed_inputs, small_changes, stability
from tests.support.models.networks import Formula

SIDE = 40  # 1 % is taken as a pixel, 3 % as two


def picture() -> Tensor:
    return torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.25


def answers_by_a_column(inputs: Tensor) -> Tensor:
    """Class 1 where column 20 is bright, else class 0."""
    bright = inputs[:, :, :, 20].mean((1, 2)) - 0.5
    return torch.stack([torch.zeros_like(bright), 40 * bright], 1)


def test_changes_do_what_they_say() -> None:
    original = picture()
    changes = dict(small_changes(SIDE, 3))
    assert torch.equal(changes["moved 1 px right"](original)[..., 1:], original[..., :-1])
    assert torch.equal(changes["moved 1 px right"](original)[..., 0], original[..., 0])
    assert torch.equal(changes["moved 2 px left"](original)[..., :-2], original[..., 2:])
    assert torch.equal(changes["moved 2 px up"](original)[..., :-2, :], original[..., 2:, :])
    assert torch.equal(changes["moved 1 px down"](original)[..., 1:, :], original[..., :-1, :])
    assert torch.equal(changes["brighter"](original), original * (1 + LIGHT))
    less = changes["less contrast"](original)
    torch.testing.assert_close(less.mean(), original.mean())
    torch.testing.assert_close(less.std(), original.std() * (1 - LIGHT))
    for name, change in changes.items():
        assert change(original).shape == original.shape, name
        assert 0 < (change(original) - original).abs().mean() < 0.25, name


def test_zoom_keeps_the_middle() -> None:
    ramp = torch.linspace(0, 1, SIDE).expand(1, 3, SIDE, SIDE)
    larger = dict(small_changes(SIDE, 3))["5 % larger"](ramp)
    slope = (ramp[0, 0, 0, 30] - ramp[0, 0, 0, 10]) / 20
    torch.testing.assert_close(larger[0, 0, 20, 5:35].diff(), (slope / 1.05).expand(29), rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(larger[0, 0, 20, 19:21].mean(), torch.tensor(0.5), rtol=1e-4, atol=1e-4)


def test_inputs_keep_their_range() -> None:
    model = ex.load_model("demo:signs-cnn")
    inputs = model.inputs(ex.sample("scene:1000050").load())
    names, changed = changed_inputs(model, inputs)
    assert len(names) == len(set(names)) == len(changed) == 17
    assert changed.min() >= -1
    assert changed.max() <= 1
    span = Range.of(model, inputs)
    torch.testing.assert_close(span.from_unit(span.to_unit(inputs)), inputs)
    again = changed_inputs(model, inputs)[1]
    assert torch.equal(changed, again)


def test_a_network_that_flips_under_a_move() -> None:
    """Column 20 is bright and its neighbours are dark: moved sideways the answer is another, moved up and down it stays."""
    stripe = torch.full((1, 3, SIDE, SIDE), 0.2)
    stripe[..., 20] = 0.8
    model = ex.Model("column", Formula(answers_by_a_column, torch.float32), (3, SIDE, SIDE))
    ground = ex.answer_ground(model, stripe)
    table = ground["stable"].table
    assert table is not None
    same = dict(zip(table["change"], table["same answer"], strict=True))
    assert not any(kept for name, kept in same.items() if name.endswith(("left", "right")))
    assert all(kept for name, kept in same.items() if name.endswith(("up", "down")))
    assert ground["stable"].good is False
    assert ground["stable"].value == pytest.approx(sum(same.values()) / 17)
    assert table["probability"].is_monotonic_increasing


def test_the_share_and_the_rival(model: ex.Model) -> None:
    probabilities = torch.tensor([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.5, 0.4, 0.1], [0.3, 0.6, 0.1]])
    finding = stability(model, ["a", "b", "c", "d"], probabilities, 0)
    assert finding.value == 0.5
    assert finding.details["least probability"] == pytest.approx(0.2)
    assert finding.sentence == (
        f"{model.label(0)!r} is the first answer under 2 of 4 small changes of the picture; else it is mostly {model.label(1)!r}."
    )
