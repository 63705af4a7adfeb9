"""Planted faults are found, and told in plain words."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import nn

from explainers.weight_stats import health
from explainers.weight_stats.filters import as_filters, count_filters
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
        monkeypatch.setattr("explainers.weight_stats.filters._COMPARED", pairs)
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


def findings(network: nn.Module) -> dict[str, tuple[str, str]]:
    return {f.tensor: (f.level, f.sentence) for f in reversed(health(weight_stats(model_of(network))))}


def test_a_freshly_initialised_network_is_healthy() -> None:
    assert health(weight_stats(model_of(small_cnn()))) == []


def test_planted_faults_are_told_worst_first() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 40, 3),
        nn.BatchNorm2d(40),
        nn.Conv2d(40, 40, 1),
        nn.Linear(40, 40),
        nn.Linear(40, 40),
        nn.Linear(9, 9),
    )
    with torch.no_grad():
        network[0].weight[:12] = 0
        network[1].weight[:1] = 1e-9
        network[2].weight[0, 0] = math.nan
        network[3].weight[:] = 0
        network[4].weight *= 1e6
        network[5].weight.fill_(0.25)
    listed = health(weight_stats(model_of(network)))
    assert [(f.level, f.tensor) for f in listed] == [
        ("problem", "2.weight"),
        ("problem", "3.weight"),
        ("warning", "5.weight"),
        ("warning", "4.weight"),
        ("warning", "0.weight"),
        ("note", "1.weight"),
    ]
    said = {f.tensor: f.sentence for f in listed}
    assert said["0.weight"].startswith("0.weight: 12 of 40 filters are zero")
    assert "1 NaN among 1,600 values" in said["2.weight"]
    assert "all 1,600 weights are zero" in said["3.weight"]
    assert "exploded" in said["4.weight"]
    assert "all 81 weights are 0.25" in said["5.weight"]
    assert "1 of 40 scales" in said["1.weight"]


def test_vanished_and_twin_and_pruned_weights() -> None:
    network = nn.Sequential(nn.Linear(20, 20), nn.Linear(20, 20), nn.Linear(20, 20))
    with torch.no_grad():
        network[0].weight *= 1e-6
        network[1].weight[3] = network[1].weight[4]
        network[2].weight[:, :12] = 0
    told = findings(network)
    assert "vanished" in told["0.weight"][1]
    assert told["1.weight"] == (
        "note",
        "1.weight: 2 of 20 filters have a near-duplicate (cosine similarity above 0.99): capacity unused.",
    )
    assert "60% of its weights are exactly zero" in told["2.weight"][1]


def test_an_embeddings_padding_row_is_no_fault() -> None:
    assert findings(nn.Embedding(30, 16, padding_idx=0)) == {}


def test_unusual_exponents_share_one_careful_note() -> None:
    table = weight_stats(model_of(small_cnn()))
    table["alpha"] = [8.0, math.nan, math.nan, 3.0, 1.2, 9.0]
    table["alpha_tail"] = [60, 0, 0, 60, 60, 10]  # the last rests on too few eigenvalues to be told
    (only,) = health(table)
    assert (only.level, only.tensor) == ("note", "4.weight")
    assert "exponent is 1.2 (over 60 eigenvalues); 2 of 3" in only.sentence
    assert "Nature Communications" in only.sentence
