"""The table of weight statistics: its rows, what it does with odd tensors, and that the network is left alone."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch
import torchvision
from torch import nn

from explainers.core.errors import Cancelled, VitrineError
from explainers.weight_stats import health, spectrum
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


def test_every_matrix_of_a_real_network_has_a_spectrum() -> None:
    table = weight_stats(model_of(torchvision.models.resnet18()))
    assert len(table) == 62
    assert table["spectral_norm"].notna().sum() == 21
    assert table["alpha"].notna().sum() == 21
