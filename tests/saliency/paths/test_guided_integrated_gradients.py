"""Guided integrated gradients, against a slow version of what was published."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from explainers.api import explain
from explainers.core.model import Model
from explainers.saliency.paths.guided_integrated_gradients import GuidedPathOptions, next_on_guided_path
from tests.support.models.networks import Formula, assert_close, random_inputs, small_model
from tests.support.rounding import ROUNDINGS, halved_and_exact, inputs_for


def published_step(
    point: np.ndarray, gradient: np.ndarray, goal: np.ndarray, start: np.ndarray, step: int, o: GuidedPathOptions
) -> None:
    """One step of the loop in the authors' code (github.com/PAIR-code/saliency, guided_ig.py), for one input, in place."""
    gradient = gradient.copy()
    alpha = step / o.steps
    lowest, highest = (start + (goal - start) * a for a in (max(alpha - o.stray, 0.0), min(alpha + o.stray, 1.0)))
    wanted = np.abs(goal - start).sum() * (1 - step / o.steps)
    gamma = math.inf
    while gamma > 1:
        share = np.where(goal != start, (point - start) / np.where(goal != start, goal - start, 1), alpha + o.stray)
        behind = share < max(alpha - o.stray, 0.0)
        point[behind] = lowest[behind]
        left = np.abs(point - goal).sum()
        if math.isclose(wanted, left, rel_tol=1e-9, abs_tol=1e-9):
            return
        gradient[np.isclose(point, highest, rtol=1e-12, atol=0)] = np.inf
        threshold = np.quantile(np.abs(gradient), o.fraction, method="lower")
        selected = (np.abs(gradient) <= threshold) & (gradient != np.inf)
        room = (np.abs(point - highest) * selected).sum()
        gamma = (left - wanted) / room if room > 0 else math.inf
        target = highest if gamma > 1 else point + (highest - point) * gamma
        point[selected] = target[selected]


@pytest.mark.parametrize(("fraction", "stray"), [(0.1, 0.05), (0.25, 0.0), (0.25, 1.0), (1.0, 0.05)])
def test_the_guided_path_is_the_published_one(fraction, stray):
    options = GuidedPathOptions(steps=6, fraction=fraction, stray=stray)
    goal, start = random_inputs(2, (40,), seed=1, dtype=torch.float64), random_inputs(2, (40,), 2, dtype=torch.float64)
    point, slow = start, start.numpy().copy()
    for step in range(1, 7):
        gradient = random_inputs(2, (40,), seed=10 + step, dtype=torch.float64)
        point = next_on_guided_path(point, gradient, goal, start, step, options)
        for row in range(2):
            published_step(slow[row], gradient[row].numpy(), goal[row].numpy(), start[row].numpy(), step, options)
        assert_close(point, torch.from_numpy(slow), 1e-7)
    assert_close(point, goal, 1e-9)


def test_the_guided_path_is_complete_up_to_the_length_of_its_moves():
    """A value moves twice `stray` of its way at most between two gradients, however many steps there are."""
    model, inputs = small_model(torch.float64), random_inputs(2, dtype=torch.float64)
    completeness = explain(model, inputs, "guided-integrated-gradients", 2, steps=50).completeness
    assert completeness.expected.abs().min() > 0.05
    assert completeness.gap.abs().max() < 0.02 * completeness.expected.abs().min()


def test_a_path_that_may_not_stray_is_straight():
    model, inputs = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    guided = explain(model, inputs, "guided-integrated-gradients", 3, steps=80, stray=0)
    straight = explain(model, inputs, "integrated-gradients", 3, steps=80)
    assert_close(guided.values, straight.values, 3e-2)
    other = explain(model, inputs, "guided-integrated-gradients", 3, steps=20, stray=1).values
    assert (other - straight.values).abs().max() > 0.1 * straight.values.abs().max()


def test_a_product_is_shared_out_along_the_path():
    """Of x y from (0, 0) to (1, 2): the value with the smaller gradient moves first.

    At the start both gradients are zero; with all the freedom to stray, one value goes all the way while the other
    stands still at zero, so that the whole change of the score falls to the other.
    """

    def product(x: Tensor) -> Tensor:
        return (x[:, 0] * x[:, 1]).unsqueeze(1)

    model = Model("product", Formula(product), (2,), task="regression")
    point = torch.tensor([[1.0, 2.0]], dtype=torch.float64)
    values = explain(model, point, "guided-integrated-gradients", steps=60, stray=1, fraction=0.01).values[0]
    assert float(values.sum()) == pytest.approx(2, abs=0.05)
    assert sorted(values.tolist()) == pytest.approx([0, 2], abs=0.05)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_the_bits_hold_the_path(dtype):
    """Steps too short for half the bits are not lost: the gap is that of float64 and what rounding makes of the gradients.

    Which of two almost equal gradients is smaller is for rounding to decide, so that the maps themselves may differ.
    """
    halved, exact = halved_and_exact(dtype)
    result, expected = (
        explain(model, inputs_for(dtype), "guided-integrated-gradients", 2, steps=20) for model in (halved, exact)
    )
    assert result.values.isfinite().all()
    rounding = ROUNDINGS * torch.finfo(dtype).eps * expected.values.abs().flatten(1).sum(1)
    assert (result.completeness.gap.abs() <= expected.completeness.gap.abs() + rounding).all()
