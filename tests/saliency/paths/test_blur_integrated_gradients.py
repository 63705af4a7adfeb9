"""Blur integrated gradients: the blurs themselves, and the path through them."""

from __future__ import annotations

import pytest
import scipy.ndimage
import torch

from explainers.api import explain
from explainers.core.model import Model
from explainers.saliency.paths.blur_integrated_gradients import Blurs
from tests.support.models.networks import Linear, assert_close, random_inputs, small_model


@pytest.mark.parametrize("size", [(24, 24), (16, 31)])
@pytest.mark.parametrize("sigma", [1.5, 4.0, 11.0])
def test_blurring_is_a_gaussian_with_mirrored_edges(size, sigma):
    images = random_inputs(3, (2, *size), dtype=torch.float64)
    expected = scipy.ndimage.gaussian_filter(
        images.numpy(), sigma=(0, 0, sigma, sigma), mode="reflect", truncate=8 + 40 / sigma
    )
    blurred = Blurs(images).blurred(torch.arange(3), torch.full((3,), sigma).double())
    assert_close(
        blurred, torch.from_numpy(expected), 1e-3 if sigma < 2 else 1e-6
    )  # a sampled Gaussian is a little wider


def test_blurring_by_nothing_changes_nothing_and_by_much_leaves_the_mean():
    images = random_inputs(2, (3, 16, 20), dtype=torch.float64)
    blurs = Blurs(images)
    assert_close(blurs.blurred(torch.tensor([1, 0]), torch.zeros(2).double()), images[[1, 0]], 1e-12)
    means = images.mean((2, 3), keepdim=True).expand_as(images)
    assert_close(blurs.blurred(torch.arange(2), torch.full((2,), 1e3).double()), means, 1e-9)
    pair = blurs.blurred(torch.tensor([1]), torch.tensor([0.0, 2.0]).double())
    assert pair.shape == (2, 3, 16, 20)
    change = blurs.change(torch.tensor([1]), torch.tensor([2.0]).double(), torch.tensor([0.0]).double())
    assert_close(change, pair[:1] - pair[1:], 1e-12)


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
