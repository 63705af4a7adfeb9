"""Dead and near-duplicate filters, and those of the first layer."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import nn

from explainers.weight_stats import filters
from explainers.weight_stats.filters import as_filters, count_filters, first_layer_filters, kernel_rank
from explainers.weight_stats.table import weight_stats
from tests.support.weights import model_of, random, small_cnn


def test_planted_filters_are_found() -> None:
    weight = random(40, 4, 3, 3)
    weight[[3, 17]] = 0
    weight[20] *= 1e-5
    weight[8] = 2 * weight[5]
    weight[30] = weight[5] + 0.01 * random(4, 3, 3, seed=9)
    weight[31] = -weight[6]
    counts = count_filters(weight)
    assert (counts.filters, counts.dead, counts.near_duplicate) == (40, 3, 3)


def test_twins_are_found_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    weight = random(50, 30)
    for a, b in [(0, 49), (7, 8), (20, 33)]:
        weight[b] = weight[a]
    for pairs in (1, 60, 350, 10_000):
        monkeypatch.setattr(filters, "_COMPARED", pairs)
        assert count_filters(weight).near_duplicate == 6


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_filters_of_extreme_size(scale: float) -> None:
    weight = random(20, 16)
    weight[4] = weight[11]
    weight[2] = 0
    counts = count_filters(weight * scale)
    assert (counts.dead, counts.near_duplicate) == (1, 2)


def test_long_filters_that_agree_only_in_the_part_compared_first_are_no_twins() -> None:
    weight = random(30, 256)
    weight[9, ::8] = weight[4, ::8]
    weight[:20, ::8] *= 1e-3
    assert count_filters(weight).near_duplicate == 0
    weight[12] = 5 * weight[3]
    assert count_filters(weight).near_duplicate == 2


def test_twins_are_those_of_the_whole_similarity_matrix() -> None:
    weight = random(40, 100) + 6 * random(8, 100, seed=1).repeat(5, 1)  # similar by eights, around 0.97
    weight[:16] += 6 * random(8, 100, seed=1).repeat(2, 1)
    units = weight.double() / weight.double().norm(dim=1, keepdim=True)
    expected = (((units @ units.T).fill_diagonal_(0)) > 0.99).any(1).sum()
    assert 0 < expected < 40
    assert count_filters(weight).near_duplicate == expected


def test_one_weight_per_filter_has_no_twin() -> None:
    assert count_filters(torch.ones(10, 1)).near_duplicate == 0
    assert count_filters(torch.zeros(10, 5)).dead == 10


def test_transposed_convolutions_have_their_filters_second() -> None:
    layer = nn.ConvTranspose2d(6, 8, 3, groups=2)
    filters = as_filters(layer.weight, layer)
    assert filters.shape == (8, 3, 3, 3)
    for group, out, incoming in itertools.product(range(2), range(4), range(3)):
        assert torch.equal(filters[group * 4 + out, incoming], layer.weight[group * 3 + incoming, out])
    with torch.no_grad():
        layer.weight[:3, 1] = 0
    row = weight_stats(model_of(layer)).iloc[0]
    assert (row["shape"], row["filters"], row["dead_filters"]) == ((6, 4, 3, 3), 8, 1)


def test_the_first_convolution() -> None:
    network = small_cnn().bfloat16()
    first_layer = first_layer_filters(model_of(network))
    assert first_layer is not None
    name, weights = first_layer
    assert (name, tuple(weights.shape), weights.dtype, weights.requires_grad) == (
        "0",
        (8, 3, 3, 3),
        torch.float32,
        False,
    )
    weights.zero_()
    assert network[0].weight.abs().sum() > 0  # type: ignore[index]
    assert first_layer_filters(model_of(nn.Linear(3, 2))) is None


def test_filters_of_two_groups_are_no_twins_for_they_see_different_channels() -> None:
    weight = random(12, 4, 3, 3)
    weight[7] = weight[0]  # of another group, of two
    weight[11] = weight[10]  # of its own
    assert count_filters(weight).near_duplicate == 4
    assert count_filters(weight, groups=2).near_duplicate == 2
    weight[1] = 0  # dead ones do not shift the others into another group
    counts = count_filters(weight, groups=2)
    assert (counts.dead, counts.near_duplicate) == (1, 2)


def test_kernels_of_a_depthwise_convolution_have_no_twins() -> None:
    layer = nn.Conv2d(32, 32, 3, groups=32, bias=False)
    with torch.no_grad():
        layer.weight[:] = layer.weight[:1]
    row = weight_stats(model_of(layer)).iloc[0]
    assert (row["groups"], row["near_duplicate_filters"]) == (32, 0)
    assert row["kernel_rank"] == pytest.approx(1)


def test_the_kernel_rank_counts_shapes_whatever_their_size_and_sign() -> None:
    shapes = torch.eye(9)[:3].reshape(3, 1, 3, 3)  # three that have nothing in common, equally often
    kernels = shapes.repeat(20, 1, 1, 1) * torch.linspace(-2, 9, 60).reshape(60, 1, 1, 1)
    assert kernel_rank(kernels) == pytest.approx(3)
    assert kernel_rank(shapes[:1]) == pytest.approx(1)
    unequal = torch.cat([shapes[:1].repeat(9, 1, 1, 1), shapes[1:2]])  # singular values 3 and 1
    assert kernel_rank(unequal) == pytest.approx(math.exp(-0.75 * math.log(0.75) - 0.25 * math.log(0.25)))
    assert math.isnan(kernel_rank(torch.zeros(4, 1, 3, 3)))


def test_what_is_not_depthwise_has_no_kernel_rank() -> None:
    table = weight_stats(
        model_of(nn.Sequential(nn.Conv2d(4, 4, 3), nn.Conv2d(4, 8, 3, groups=2), nn.Conv2d(8, 8, 3, groups=8)))
    )
    assert table["groups"].tolist() == [1, 1, 2, 1, 8, 1]
    assert table["kernel_rank"].notna().tolist() == [False] * 4 + [True, False]
