"""Draws depend on their seed and index alone."""

from __future__ import annotations

import torch

from explainers.core.rng import seeded_generator, seeded_noise


def test_noise_of_a_variant_does_not_depend_on_the_chunk_it_is_made_in() -> None:
    like, indices = torch.zeros(1, 3, 4, 4), torch.arange(7)
    together = seeded_noise(like, 5, indices)
    apart = torch.cat([seeded_noise(like, 5, chunk) for chunk in indices.flip(0).split(2)])
    assert torch.equal(together.flip(0), apart)
    assert together.shape == (7, 3, 4, 4)


def test_seeds_and_variants_have_noise_of_their_own() -> None:
    like = torch.zeros(1, 50, dtype=torch.float64)
    noise = torch.cat([seeded_noise(like, seed, torch.arange(4)) for seed in (0, 1)])
    assert noise.dtype is torch.float64
    assert float((torch.corrcoef(noise) - torch.eye(8)).abs().max()) < 0.7
    assert not torch.equal(seeded_noise(like, 0, torch.tensor([1])), seeded_noise(like, 1, torch.tensor([0])))


def test_the_global_state_is_left_alone() -> None:
    before = torch.get_rng_state()
    seeded_noise(torch.zeros(1, 3), 0, torch.arange(3))
    torch.rand(3, generator=seeded_generator("cpu", 0))
    assert torch.equal(torch.get_rng_state(), before)


def test_draws_of_a_seed_differ_and_come_again() -> None:
    draws = [torch.rand(4, generator=seeded_generator("cpu", 7, draw)) for draw in (0, 1, 0)]
    assert torch.equal(draws[0], draws[2])
    assert not torch.equal(draws[0], draws[1])
