"""Spectra and power laws against closed forms, decompositions and invariances."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explainers.core.errors import VitrineError
from explainers.weight_stats import spectrum
from explainers.weight_stats.spectral import fit_power_law
from tests.support.weights import known_spectrum, random


def test_a_diagonal_matrix_has_its_diagonal_as_singular_values() -> None:
    diagonal = torch.linspace(1, 9, 60)
    weight_spectrum = known_spectrum(
        torch.diag(diagonal)[torch.randperm(60, generator=torch.Generator().manual_seed(0))]
    )
    assert weight_spectrum.singular_values == pytest.approx(diagonal.flip(0).numpy(), rel=1e-6)
    assert weight_spectrum.eigenvalues == pytest.approx(diagonal.flip(0).numpy() ** 2, rel=1e-6)
    assert weight_spectrum.spectral_norm == pytest.approx(9)
    assert weight_spectrum.stable_rank == pytest.approx(float((diagonal**2).sum() / 81), rel=1e-6)


def test_an_orthogonal_matrix_has_full_stable_rank_and_no_power_law() -> None:
    weight = torch.linalg.qr(random(80, 80)).Q
    weight_spectrum = known_spectrum(3 * weight)
    assert weight_spectrum.spectral_norm == pytest.approx(3, rel=1e-5)
    assert weight_spectrum.stable_rank == pytest.approx(80, rel=1e-5)
    assert math.isnan(weight_spectrum.alpha)
    assert weight_spectrum.tail == 0


def test_rank_one_has_stable_rank_one_and_no_power_law() -> None:
    left, right = random(70, 1), random(1, 90, seed=1)
    weight_spectrum = known_spectrum(left @ right)
    assert weight_spectrum.spectral_norm == pytest.approx(float(left.norm() * right.norm()), rel=1e-6)
    assert weight_spectrum.stable_rank == pytest.approx(1, rel=1e-6)
    assert math.isnan(weight_spectrum.alpha)


def test_zeros_have_a_norm_of_zero_and_no_stable_rank() -> None:
    weight_spectrum = known_spectrum(torch.zeros(60, 60))
    assert weight_spectrum.spectral_norm == 0
    assert math.isnan(weight_spectrum.stable_rank)
    assert math.isnan(weight_spectrum.alpha)


@pytest.mark.parametrize("shape", [(64, 64), (200, 51), (51, 200), (3, 500)])
def test_singular_values_are_those_of_a_decomposition(shape: tuple[int, int]) -> None:
    weight = random(*shape, dtype=torch.float64) @ torch.diag(torch.logspace(0, -4, shape[1], dtype=torch.float64))
    expected = torch.linalg.svdvals(weight).numpy()
    weight_spectrum = known_spectrum(weight.clone())
    assert weight_spectrum.singular_values == pytest.approx(expected, rel=1e-6, abs=1e-7 * expected[0])
    assert weight_spectrum.spectral_norm == pytest.approx(expected[0], rel=1e-12)


@pytest.mark.parametrize("shape", [(40, 12, 3, 3), (12, 40, 3, 3), (200, 10, 3, 3), (20, 30, 5), (6, 7, 3, 2, 2)])
def test_a_convolution_pools_its_kernel_positions_and_is_normed_flat(shape: tuple[int, ...]) -> None:
    weight = random(*shape)
    slices = weight.flatten(2).movedim(2, 0).double()
    pooled = torch.linalg.svdvals(slices).flatten().sort(descending=True).values
    flat = torch.linalg.svdvals(weight.flatten(1).double())
    weight_spectrum = known_spectrum(weight)
    assert weight_spectrum.singular_values == pytest.approx(pooled.numpy(), rel=1e-6)
    assert weight_spectrum.spectral_norm == pytest.approx(float(flat[0]), rel=1e-10)
    assert weight_spectrum.stable_rank == pytest.approx(float((flat**2).sum() / flat[0] ** 2), rel=1e-10)


def test_a_convolution_of_one_pixel_is_its_matrix() -> None:
    weight = random(60, 70)
    matrix, convolution = known_spectrum(weight), known_spectrum(weight[:, :, None, None])
    assert convolution.alpha == matrix.alpha
    assert convolution.spectral_norm == matrix.spectral_norm


def test_depthwise_convolutions_are_vectors_to_the_power_law() -> None:
    weight_spectrum = known_spectrum(random(96, 1, 7, 7))
    assert math.isnan(weight_spectrum.alpha)
    assert weight_spectrum.spectral_norm > 0


def test_vectors_have_no_spectrum() -> None:
    assert spectrum(torch.ones(5)) is None
    assert spectrum(torch.tensor(1.0)) is None
    assert spectrum(torch.ones(0, 5)) is None


def test_float64_weights_too_large_to_square() -> None:
    weight = random(60, 60, dtype=torch.float64)
    expected = known_spectrum(weight)
    for scale in (1e200, 1e-200):
        weight_spectrum = known_spectrum(weight * scale)
        assert weight_spectrum.spectral_norm == pytest.approx(expected.spectral_norm * scale)
        assert weight_spectrum.alpha == pytest.approx(expected.alpha)


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 100),
    scale=st.floats(1e-6, 1e6).flatmap(lambda x: st.sampled_from([x, -x])),
    shape=st.sampled_from([(55, 60), (70, 52), (20, 8, 3, 3)]),
)
def test_scaling_scales_the_norm_and_nothing_else(seed: int, scale: float, shape: tuple[int, ...]) -> None:
    weight = random(*shape, seed=seed, dtype=torch.float64)
    before, after = known_spectrum(weight), known_spectrum(weight * scale)
    assert after.spectral_norm == pytest.approx(abs(scale) * before.spectral_norm, rel=1e-9)
    assert after.stable_rank == pytest.approx(before.stable_rank, rel=1e-9)
    assert after.alpha == pytest.approx(before.alpha, rel=1e-6)
    assert after.tail == before.tail


@pytest.mark.parametrize("alpha", [1.8, 2.5, 4.0])
def test_a_pareto_sample_gives_its_exponent_back(alpha: float) -> None:
    sample = 0.3 * (1 + np.random.default_rng(1).pareto(alpha - 1, 3000))
    fit = fit_power_law(sample)
    assert fit.alpha == pytest.approx(alpha, abs=4 * (alpha - 1) / math.sqrt(fit.tail))
    assert fit.ks < 0.03


def test_the_tail_begins_where_the_body_ends() -> None:
    rng = np.random.default_rng(2)
    sample = np.concatenate([rng.uniform(0.01, 1, 1500), 1 + rng.pareto(1.5, 1500)])
    fit = fit_power_law(sample)
    assert fit.xmin == pytest.approx(1, rel=0.35)
    assert fit.alpha == pytest.approx(2.5, abs=0.25)
    assert fit.tail == (sample >= fit.xmin).sum()


def test_the_formula_by_hand() -> None:
    values = np.exp([0.0, 1.0, 3.0, 4.0])  # two candidates: all four values, and the last three
    first = 1 / np.mean([0, 1, 3, 4])
    second = 1 / np.mean([0, 2, 3])
    distances = [
        max(abs(1 - math.exp(-first * x) - rank / 4) for rank, x in enumerate([0, 1, 3, 4])),
        max(abs(1 - math.exp(-second * x) - rank / 3) for rank, x in enumerate([0, 2, 3])),
    ]
    fit = fit_power_law(values, fewest=4)
    best = int(np.argmin(distances))
    assert fit.alpha == pytest.approx(1 + (first, second)[best])
    assert fit.ks == pytest.approx(distances[best])
    assert fit.xmin == values[best]


@pytest.mark.parametrize("values", [[], [1.0] * 100, [0.0] * 100, np.linspace(1, 2, 49), [1.0, 2.0, 3.0] * 30])
def test_no_fit_to_what_has_none(values: Any) -> None:
    fit = fit_power_law(values)
    assert math.isnan(fit.alpha)
    assert math.isnan(fit.ks)
    assert fit.tail == 0


def test_values_without_a_logarithm_are_left_out() -> None:
    sample = 1 + np.random.default_rng(3).pareto(2, 200)
    assert fit_power_law([*sample, 0, -1, math.nan, math.inf]) == fit_power_law(sample)


def test_too_few_values_to_choose_from_is_refused() -> None:
    with pytest.raises(VitrineError, match="fewest=3"):
        fit_power_law([1, 2, 3], fewest=3)


@pytest.mark.parametrize(
    ("groups", "shape"), [(4, (40, 3, 3, 3)), (3, (6, 7, 5)), (16, (16, 1, 3, 3)), (8, (32, 1, 3, 3))]
)
def test_a_convolution_in_groups_is_its_block_matrix(groups: int, shape: tuple[int, ...]) -> None:
    weight = random(*shape, dtype=torch.float64)
    blocks = torch.block_diag(*weight.flatten(1).chunk(groups))
    values = torch.linalg.svdvals(blocks)
    grouped = spectrum(weight, groups)
    assert grouped is not None
    assert grouped.spectral_norm == pytest.approx(float(values[0]), rel=1e-10)
    assert grouped.stable_rank == pytest.approx(float((values**2).sum() / values[0] ** 2), rel=1e-10)
    pooled = [
        torch.linalg.svdvals(block.flatten(2)[..., place])
        for block in weight.chunk(groups)
        for place in range(weight[0, 0].numel())
    ]
    expected = torch.cat(pooled).sort(descending=True).values
    assert grouped.singular_values == pytest.approx(expected.numpy(), rel=1e-6, abs=1e-9)
