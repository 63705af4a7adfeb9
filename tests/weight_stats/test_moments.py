"""Moments and histograms, against NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from explainers.weight_stats import histogram
from explainers.weight_stats.moments import moments
from tests.support.weights import random, stats_of


def test_moments_are_numpys() -> None:
    weight = random(300, 400) * 3 + 100  # several blocks, and a mean far from zero
    array = weight.double().numpy()
    row = stats_of(weight)
    expected = {
        "mean": array.mean(), "std": array.std(), "min": array.min(), "max": array.max(), "l1": np.abs(array).sum(),
        "l2": np.linalg.norm(array), "sparsity": 0.0, "nan": 0, "inf": 0,
    }  # fmt: skip
    assert {k: row[k] for k in expected} == pytest.approx(expected, rel=1e-12)


def test_sparsity_is_the_share_of_exact_zeros() -> None:
    weight = random(10, 10)
    weight[:, :3] = 0
    weight[0, 3] = 1e-9
    row = stats_of(weight)
    assert row["sparsity"] == 0.3
    assert row["near_zero"] >= 31


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64, torch.float8_e4m3fn])
def test_every_float_dtype(dtype: torch.dtype) -> None:
    weight = random(64, 70).to(dtype)
    row = stats_of(weight)
    array = weight.double().numpy()
    assert row["dtype"] == str(dtype).removeprefix("torch.")
    assert row["std"] == pytest.approx(array.std(), rel=1e-12)
    assert row["spectral_norm"] == pytest.approx(np.linalg.norm(array, 2), rel=1e-10)


def test_complex_weights_count_by_modulus_and_integers_as_they_are() -> None:
    assert stats_of(torch.full((4, 4), 3 + 4j))["max"] == pytest.approx(5)
    assert stats_of(torch.arange(6, dtype=torch.int8).view(2, 3))["mean"] == 2.5


def test_nothing_finite_at_all() -> None:
    row = stats_of(torch.full((5, 5), math.nan))
    assert (row["nan"], row["l2"], row["filters"], row["dead_filters"]) == (25, 0, 5, 0)
    assert all(math.isnan(row[name]) for name in ("mean", "std", "min", "max", "sparsity"))


def test_moments_of_a_large_offset_do_not_cancel() -> None:
    values = random(200_000, dtype=torch.float64) + 1e8
    assert moments(values).std == pytest.approx(float(values.std(correction=0)), rel=1e-9)


def test_a_histogram_counts_every_finite_value() -> None:
    weight = random(200, 300)
    weight[0, :3] = torch.tensor([math.nan, math.inf, -math.inf])
    counts, edges = histogram(weight, 40)
    values = weight[weight.isfinite()].double().numpy()
    expected, expected_edges = np.histogram(values, 40)
    assert counts.sum() == 59_997
    assert (counts == expected).all()
    assert edges == pytest.approx(expected_edges)


@pytest.mark.parametrize("weight", [torch.ones(7), torch.tensor(3.0), torch.tensor([3e38, -3e38])])
def test_a_histogram_of_little(weight: Tensor) -> None:
    counts, edges = histogram(weight)
    assert counts.sum() == weight.numel()
    assert len(edges) == 61
    assert (np.diff(edges) > 0).all()


def test_a_histogram_of_nothing() -> None:
    counts, edges = histogram(torch.full((3,), math.nan))
    assert counts.sum() == 0
    assert len(edges) == 61
