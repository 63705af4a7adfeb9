"""Noisy copies of inputs."""

from __future__ import annotations

import torch

from explainers.core.rng import seeded_noise
from explainers.inputs.noise import NoisyCopiesOptions, noise_deviation, noisy_copies
from tests.support.models.networks import assert_close, random_inputs


def test_noise_is_a_share_of_each_inputs_own_range():
    inputs = torch.stack([torch.linspace(-1, 3, 12).view(3, 2, 2), torch.full((3, 2, 2), 7.0)])
    assert noise_deviation(inputs, 0.25).flatten().tolist() == [1.0, 0.0]


def test_copies_are_the_inputs_with_noise_of_the_seed_and_the_variant():
    inputs = random_inputs(2)
    copies = noisy_copies(inputs, NoisyCopiesOptions(samples=4, noise=0.5, seed=3))
    assert copies.count == 4
    assert copies.weights.tolist() == [0.25] * 4
    input_index, variant_index = torch.tensor([0, 1, 1]), torch.tensor([2, 2, 0])
    noise = seeded_noise(inputs, 3, variant_index)
    expected = inputs[input_index] + noise_deviation(inputs, 0.5)[input_index] * noise
    assert_close(copies.make(inputs[input_index], input_index, variant_index), expected, 1e-6)
