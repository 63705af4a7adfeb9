"""The table of weight statistics, histograms and the first layer, against closed forms."""

from __future__ import annotations

import math
import time

import numpy as np
import pandas as pd
import pytest
import torch
import torchvision
from torch import Tensor, nn

from explainers.core.errors import Cancelled, VitrineError
from explainers.weight_stats import health, histogram, spectrum
from explainers.weight_stats.filters import first_layer_filters
from explainers.weight_stats.moments import moments
from explainers.weight_stats.table import COLUMNS, weight_stats
from tests.support.weights import Holder, model_of, random, small_cnn, stats_of


def test_a_row_per_parameter_in_network_order() -> None:
    network = small_cnn()
    table = weight_stats(model_of(network))
    assert tuple(table.columns) == COLUMNS
    assert list(table["tensor"]) == [name for name, _ in network.named_parameters()]
    assert list(table["kind"]) == ["Conv2d", "Conv2d", "BatchNorm2d", "BatchNorm2d", "Linear", "Linear"]
    assert list(table["shape"]) == [tuple(p.shape) for p in network.parameters()]
    assert list(table["count"]) == [p.numel() for p in network.parameters()]
    assert list(table["filters"]) == [8, 0, 0, 0, 10, 0]
    assert set(table["dtype"]) == {"float32"}


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


@pytest.mark.parametrize("shape", [(), (0,), (0, 4), (4, 0), (1,), (1, 1), (3, 1, 1)])
def test_degenerate_shapes_do_not_crash(shape: tuple[int, ...]) -> None:
    row = stats_of(torch.full(shape, 2.0))
    assert row["count"] == math.prod(shape)
    assert row["mean"] == 2 if row["count"] else math.isnan(row["mean"])
    assert math.isnan(row["alpha"])
    assert health(weight_stats(model_of(Holder(torch.full(shape, 2.0))))) is not None


def test_a_network_without_parameters_has_an_empty_table() -> None:
    table = weight_stats(model_of(nn.ReLU()))
    assert tuple(table.columns) == COLUMNS
    assert len(table) == 0
    assert health(table) == []


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_counted_and_left_out(bad: float) -> None:
    weight = random(60, 60)
    rest = weight[1:].double().numpy()
    weight[0] = bad
    row = stats_of(weight)
    assert (row["nan"], row["inf"]) == ((60, 0) if math.isnan(bad) else (0, 60))
    assert row["std"] == pytest.approx(rest.std())
    assert row["l1"] == pytest.approx(np.abs(rest).sum())
    assert (row["filters"], row["dead_filters"]) == (60, 0)
    assert all(math.isnan(row[name]) for name in ("spectral_norm", "stable_rank", "alpha", "ks_distance"))
    assert spectrum(weight) is None


def test_nothing_finite_at_all() -> None:
    row = stats_of(torch.full((5, 5), math.nan))
    assert (row["nan"], row["l2"], row["filters"], row["dead_filters"]) == (25, 0, 5, 0)
    assert all(math.isnan(row[name]) for name in ("mean", "std", "min", "max", "sparsity"))


def test_without_spectra_the_columns_stay() -> None:
    table = weight_stats(model_of(small_cnn()), spectra=False)
    assert tuple(table.columns) == COLUMNS
    assert table[["spectral_norm", "stable_rank", "alpha", "alpha_xmin", "ks_distance"]].isna().all().all()


def test_progress_rises_to_one_and_may_cancel() -> None:
    shares: list[float] = []
    weight_stats(model_of(small_cnn()), progress=lambda share, words: shares.append(share))
    assert shares == sorted(shares)
    assert (shares[0], shares[-1], len(shares)) == (0.0, 1.0, 7)

    def cancel(share: float, words: str) -> None:
        if share > 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        weight_stats(model_of(small_cnn()), progress=cancel)


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(VitrineError, match="abacus"):
        weight_stats(model_of(small_cnn()), device="abacus")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_agrees_with_the_cpu() -> None:
    model = model_of(torchvision.models.resnet18())
    pd.testing.assert_frame_equal(weight_stats(model), weight_stats(model, "cuda"), rtol=1e-4, atol=1e-9)


def test_the_network_is_left_alone() -> None:
    network = small_cnn().train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    weight_stats(model_of(network))
    assert network.training
    assert all(p.requires_grad and p.grad is None for p in network.parameters())
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


@pytest.mark.slow
def test_resnet50() -> None:
    model = model_of(torchvision.models.resnet50())
    begun = time.process_time()
    table = weight_stats(model)
    assert time.process_time() - begun < 60  # of all cores together: about 8 measured, whatever else is running
    assert len(table) == 161
    assert table["spectral_norm"].notna().sum() == 54
    assert table["alpha"].notna().sum() == 54


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


def test_the_first_convolution() -> None:
    network = small_cnn().bfloat16()
    found = first_layer_filters(model_of(network))
    assert found is not None
    name, weights = found
    assert (name, tuple(weights.shape), weights.dtype, weights.requires_grad) == (
        "0",
        (8, 3, 3, 3),
        torch.float32,
        False,
    )
    weights.zero_()
    assert network[0].weight.abs().sum() > 0  # type: ignore[index]
    assert first_layer_filters(model_of(nn.Linear(3, 2))) is None


def test_moments_of_a_large_offset_do_not_cancel() -> None:
    values = random(200_000, dtype=torch.float64) + 1e8
    assert moments(values).std == pytest.approx(float(values.std(correction=0)), rel=1e-9)
