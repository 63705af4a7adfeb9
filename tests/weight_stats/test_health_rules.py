"""What looks unhealthy: planted faults are told, the worst first."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from explainers.weight_stats import health, health_rules
from explainers.weight_stats.filters import TWINS
from explainers.weight_stats.table import weight_stats
from tests.support.weights import model_of, random, small_cnn


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
    sentences = {f.tensor: f.sentence for f in listed}
    assert sentences["0.weight"].startswith("0.weight: 12 of 40 filters are zero")
    assert "1 NaN among 1,600 values" in sentences["2.weight"]
    assert "all 1,600 weights are zero" in sentences["3.weight"]
    assert "exploded" in sentences["4.weight"]
    assert "all 81 weights are 0.25" in sentences["5.weight"]
    assert "1 of 40 scales" in sentences["1.weight"]


def test_vanished_and_twin_and_pruned_weights() -> None:
    network = nn.Sequential(nn.Linear(20, 20), nn.Linear(20, 20), nn.Linear(20, 20))
    with torch.no_grad():
        network[0].weight *= 1e-6
        network[1].weight[3] = network[1].weight[4]
        network[2].weight[:, :12] = 0
    by_tensor = findings(network)
    assert "vanished" in by_tensor["0.weight"][1]
    assert by_tensor["1.weight"] == (
        "note",
        "1.weight: 2 of 20 filters have a near-duplicate (cosine similarity above 0.99): capacity unused.",
    )
    assert "60% of its weights are exactly zero" in by_tensor["2.weight"][1]


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


def test_kernels_of_a_depthwise_layer_are_judged_by_their_shapes_and_not_as_twins() -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(64, 64, 3, groups=64)
    with torch.no_grad():
        layer.weight[40:] = 2 * layer.weight[:1]  # many alike, as trained ones are
    assert findings(layer) == {}
    with torch.no_grad():
        layer.weight[:] = layer.weight[:1] + 0.01 * layer.weight
    (only,) = health(weight_stats(model_of(layer)))
    assert (only.level, only.kind) == ("note", "depthwise kernels of one shape")
    assert "its 64 depthwise kernels are nearly one shape" in only.sentence


@pytest.mark.parametrize("inputs", [2, 3, 4, 6, 9])
def test_directions_that_are_alike_by_chance_are_as_many_as_are_drawn(inputs: int) -> None:
    units = nn.functional.normalize(random(3000, inputs, dtype=torch.float64), dim=1)
    pairs = 3000 * 2999 / 2
    alike = float(((units @ units.T).triu(1) > TWINS).sum())
    expected = pairs * health_rules._alike_by_chance(inputs)
    # Pairs share directions, so they are not independent; a count of so many varies by a tenth at most.
    assert alike == pytest.approx(expected, rel=0.1, abs=4 * math.sqrt(expected) + 3)


def test_filters_of_few_weights_are_alike_by_chance_and_no_finding() -> None:
    torch.manual_seed(1)
    layer = nn.Linear(3, 40, bias=False)
    table = weight_stats(model_of(layer))
    assert table["near_duplicate_filters"][0] > 0
    assert health(table) == []
    with torch.no_grad():
        layer.weight[:] = layer.weight[:1] * torch.linspace(1, 2, 40)[:, None]
    (only,) = health(weight_stats(model_of(layer)))
    assert only.kind == "near-duplicate filters"
