"""Two sets of weights compared, tensor by tensor."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from explainers.core.errors import VitrineError
from explainers.weight_stats.difference import compare
from tests.support.weights import Holder, model_of, random, small_cnn


def test_equal_bit_for_bit_is_the_same() -> None:
    network = small_cnn()
    with torch.no_grad():
        network[0].weight[0] = math.nan  # type: ignore[index]
    table = compare(model_of(network), model_of(network))
    assert set(table["status"]) == {"same"}
    assert list(table["tensor"]) == list(network.state_dict())
    assert set(table["relative_change"]) == {0.0}


def test_a_change_in_numbers() -> None:
    first, second = Holder(random(300, 300)), Holder(random(300, 300))
    change = 0.1 * random(300, 300, seed=1)
    with torch.no_grad():
        second.weight += change
    row = compare(model_of(first), model_of(second)).iloc[0]
    a, b = (m.weight.detach().double().numpy().ravel() for m in (first, second))
    assert row["status"] == "changed"
    assert row["difference_l2"] == pytest.approx(np.linalg.norm(b - a), rel=1e-10)
    assert row["relative_change"] == pytest.approx(np.linalg.norm(b - a) / np.linalg.norm(a), rel=1e-10)
    assert row["cosine"] == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b), rel=1e-10)
    assert row["max_abs_difference"] == pytest.approx(np.abs(b - a).max(), rel=1e-10)
    assert row["std_ratio"] == pytest.approx(b.std() / a.std(), rel=1e-10)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (torch.zeros(3, 3), torch.ones(3, 3), {"relative_change": math.inf, "cosine": math.nan}),
        (torch.ones(3, 3), torch.zeros(3, 3), {"relative_change": 1.0, "cosine": math.nan, "std_ratio": math.nan}),
        (torch.ones(3, 3), -torch.ones(3, 3), {"relative_change": 2.0, "cosine": -1.0, "max_abs_difference": 2.0}),
        (torch.ones(3, 3), torch.full((3, 3), math.nan), {"relative_change": math.nan, "difference_l2": math.nan}),
        (torch.ones(3, 3), torch.ones(3, 3).half(), {"relative_change": 0.0, "cosine": 1.0}),
    ],
)
def test_changes_at_the_edges(a: Tensor, b: Tensor, expected: dict[str, float]) -> None:
    row = compare(model_of(Holder(a)), model_of(Holder(b))).iloc[0]
    assert row["status"] == "changed"
    assert {k: row[k] for k in expected} == pytest.approx(expected, nan_ok=True)


def test_tensors_of_one_side_and_of_another_shape() -> None:
    first = nn.ModuleDict(
        {"trunk": nn.Linear(4, 4), "head": nn.Linear(4, 3, bias=False), "old": nn.Linear(2, 2, bias=False)}
    )
    second = nn.ModuleDict({"trunk": first["trunk"], "head": nn.Linear(4, 5, bias=False), "new": nn.PReLU()})
    table = compare(model_of(first), model_of(second)).set_index("tensor")
    assert dict(table["status"]) == {
        "trunk.weight": "same",
        "trunk.bias": "same",
        "head.weight": "shape differs",
        "old.weight": "only in first",
        "new.weight": "only in second",
    }
    assert table.loc["head.weight", "other_shape"] == (5, 4)
    assert table.loc["new.weight", "shape"] is None
    assert table.loc["new.weight", "kind"] == "PReLU"
    assert table.loc[["head.weight", "old.weight", "new.weight"], "relative_change"].isna().all()


def test_buffers_are_compared_too() -> None:
    first, second = nn.BatchNorm1d(4), nn.BatchNorm1d(4)
    second(torch.ones(8, 4))
    table = compare(model_of(first), model_of(second)).set_index("tensor")
    assert table.loc["running_mean", "status"] == "changed"
    assert table.loc["num_batches_tracked", "status"] == "changed"


def test_nothing_in_common_is_refused() -> None:
    with pytest.raises(VitrineError, match=r"first and second have no tensor in common \(0\.weight, 0\.bias, \.\.\."):
        compare(model_of(small_cnn(), "first"), model_of(nn.Linear(2, 2), "second"))
