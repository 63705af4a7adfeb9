"""Dead and near-duplicate filters, and those of the first layer."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from explainers.weight_stats import filters
from explainers.weight_stats.filters import as_filters, count_filters, first_layer_filters
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
