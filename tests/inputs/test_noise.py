"""Noisy copies of inputs."""

from __future__ import annotations

import math

import torch

from explainers.core.rng import seeded_noise
from explainers.inputs.noise import NoisyCopiesOptions, noise_deviation, noisy_copies
from tests.support.networks import assert_close, random_inputs


def test_noise_is_a_share_of_each_inputs_own_range():
    inputs = torch.stack([torch.linspace(-1, 3, 12).view(3, 2, 2), torch.full((3, 2, 2), 7.0)])
    assert noise_deviation(inputs, 0.25).flatten().tolist() == [1.0, 0.0]


def test_noise_depends_on_seed_and_version_alone():
    like = torch.zeros(3, 2, 5)
    noise = seeded_noise(like, 4, torch.tensor([0, 1, 0]))
    assert torch.equal(noise[0], noise[2])
    assert not torch.equal(noise[0], noise[1])
    assert torch.equal(noise[1], seeded_noise(like[:1], 4, torch.tensor([1]))[0])
    many = seeded_noise(torch.zeros(50, 1000), 0, torch.arange(50))
    assert abs(float(many.mean())) < 5 / math.sqrt(50_000)
    assert abs(float(many.std()) - 1) < 5 / math.sqrt(100_000)


def test_copies_are_the_inputs_with_noise_of_the_seed_and_the_variant():
    inputs = random_inputs(2)
    copies = noisy_copies(inputs, NoisyCopiesOptions(samples=4, noise=0.5, seed=3))
    assert copies.count == 4
    assert copies.weights.tolist() == [0.25] * 4
    input_index, variant_index = torch.tensor([0, 1, 1]), torch.tensor([2, 2, 0])
    noise = seeded_noise(inputs, 3, variant_index)
    expected = inputs[input_index] + noise_deviation(inputs, 0.5)[input_index] * noise
    assert_close(copies.make(inputs[input_index], input_index, variant_index), expected, 1e-6)
