"""Blur and guided integrated gradients, against slow versions of what was published."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.ndimage
import torch
from torch import Tensor

from explainers.api import explain
from explainers.core.model import Model
from explainers.saliency.paths.blur_integrated_gradients import Blurs
from explainers.saliency.paths.guided_integrated_gradients import GuidedPathOptions, next_on_guided_path
from tests.support.networks import Formula, Linear, assert_close, random_inputs, small_model

WEIGHTS = torch.tensor([[1.0, -2.0], [0.5, 3.0], [-4.0, 0.25]], dtype=torch.float64)


POINT = torch.tensor([[2.0, -1.0, 3.0]], dtype=torch.float64)


@pytest.mark.parametrize("size", [(24, 24), (16, 31)])
@pytest.mark.parametrize("sigma", [1.5, 4.0, 11.0])
def test_blurring_is_a_gaussian_with_mirrored_edges(size, sigma):
    images = random_inputs(3, (2, *size), dtype=torch.float64)
    expected = scipy.ndimage.gaussian_filter(
        images.numpy(), sigma=(0, 0, sigma, sigma), mode="reflect", truncate=8 + 40 / sigma
    )
    found = Blurs(images).blurred(torch.arange(3), torch.full((3,), sigma).double())
    assert_close(found, torch.from_numpy(expected), 1e-3 if sigma < 2 else 1e-6)  # a sampled Gaussian is a little wider


def test_blurring_by_nothing_changes_nothing_and_by_much_leaves_the_mean():
    images = random_inputs(2, (3, 16, 20), dtype=torch.float64)
    blurs = Blurs(images)
    assert_close(blurs.blurred(torch.tensor([1, 0]), torch.zeros(2).double()), images[[1, 0]], 1e-12)
    means = images.mean((2, 3), keepdim=True).expand_as(images)
    assert_close(blurs.blurred(torch.arange(2), torch.full((2,), 1e3).double()), means, 1e-9)
    one = blurs.blurred(torch.tensor([1]), torch.tensor([0.0, 2.0]).double())
    assert one.shape == (2, 3, 16, 20)
    way = blurs.change(torch.tensor([1]), torch.tensor([2.0]).double(), torch.tensor([0.0]).double())
    assert_close(way, one[:1] - one[1:], 1e-12)


def test_the_blur_path_of_a_linear_network_is_its_weights_times_what_the_blur_takes_away():
    weights = random_inputs(1, (3, 12, 12), seed=4, dtype=torch.float64)
    model = Model("linear", Linear(weights.view(-1, 1)), (3, 12, 12), task="regression")
    inputs = random_inputs(2, (3, 12, 12), dtype=torch.float64)
    result = explain(model, inputs, "blur-integrated-gradients", steps=3, blur=0.25)
    blurred = Blurs(inputs).blurred(torch.arange(2), torch.full((2,), 3.0).double())
    assert_close(result.values, weights * (inputs - blurred), 1e-6)
    assert_close(result.completeness.expected, (weights * (inputs - blurred)).flatten(1).sum(1), 1e-6)


def test_the_blur_path_is_complete():
    model, inputs = small_model(torch.float64), random_inputs(2, dtype=torch.float64)
    coarse, fine = (
        explain(model, inputs, "blur-integrated-gradients", 2, steps=steps).completeness for steps in (10, 100)
    )
    assert fine.expected.abs().min() > 0.05
    assert fine.gap.abs().max() < 0.01 * fine.expected.abs().min()
    assert fine.gap.abs().max() < coarse.gap.abs().max() / 4


def published_step(place: np.ndarray, gradient: np.ndarray, goal: np.ndarray, start: np.ndarray, step: int, o) -> None:
    """One step of the loop in the authors' code (github.com/PAIR-code/saliency, guided_ig.py), for one input, in place."""
    gradient = gradient.copy()
    alpha = step / o.steps
    lowest, highest = (start + (goal - start) * a for a in (max(alpha - o.stray, 0.0), min(alpha + o.stray, 1.0)))
    wanted = np.abs(goal - start).sum() * (1 - step / o.steps)
    gamma = math.inf
    while gamma > 1:
        share = np.where(goal != start, (place - start) / np.where(goal != start, goal - start, 1), alpha + o.stray)
        behind = share < max(alpha - o.stray, 0.0)
        place[behind] = lowest[behind]
        left = np.abs(place - goal).sum()
        if math.isclose(wanted, left, rel_tol=1e-9, abs_tol=1e-9):
            return
        gradient[np.isclose(place, highest, rtol=1e-12, atol=0)] = np.inf
        threshold = np.quantile(np.abs(gradient), o.fraction, method="lower")
        chosen = (np.abs(gradient) <= threshold) & (gradient != np.inf)
        room = (np.abs(place - highest) * chosen).sum()
        gamma = (left - wanted) / room if room > 0 else math.inf
        target = highest if gamma > 1 else place + (highest - place) * gamma
        place[chosen] = target[chosen]


@pytest.mark.parametrize("fraction", [0.1, 0.25, 1.0])
@pytest.mark.parametrize("stray", [0.0, 0.05, 1.0])
def test_the_guided_path_is_the_published_one(fraction, stray):
    options = GuidedPathOptions(steps=6, fraction=fraction, stray=stray)
    goal, start = random_inputs(2, (40,), seed=1, dtype=torch.float64), random_inputs(2, (40,), 2, dtype=torch.float64)
    place, slow = start, start.numpy().copy()
    for step in range(1, 7):
        gradient = random_inputs(2, (40,), seed=10 + step, dtype=torch.float64)
        place = next_on_guided_path(place, gradient, goal, start, step, options)
        for row in range(2):
            published_step(slow[row], gradient[row].numpy(), goal[row].numpy(), start[row].numpy(), step, options)
        assert_close(place, torch.from_numpy(slow), 1e-7)
    assert_close(place, goal, 1e-9)


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


def test_guided_gradients_of_a_linear_network_are_its_weights_times_the_input():
    linear = Model("linear", Linear(WEIGHTS), (3,))
    result = explain(linear, POINT, "guided-integrated-gradients", 1, steps=5)
    assert_close(result.values, WEIGHTS[:, 1] * POINT, 1e-6)


def test_a_product_is_shared_out_along_the_path():
    """Of x y from (0, 0) to (1, 2), with y steeper... the value with the smaller gradient moves first.

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


def test_an_input_that_equals_its_baseline_gets_nothing():
    zeros = torch.zeros(1, 3, 16, 16)
    assert not explain(small_model(), zeros, "guided-integrated-gradients", 0, steps=3).values.any()
