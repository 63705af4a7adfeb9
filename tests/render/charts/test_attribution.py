"""Charts of answers and maps draw the numbers that they were given."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explainers.render.charts import attribution as charts
from tests.support.charts import COMPLETENESS, EXAMPLES, attribution_at, rows_of, views_of


def test_top_k_draws_the_probabilities_and_their_percentages() -> None:
    chart = charts.top_k_chart(["cat", "crane", "crane"], [0.9, 0.0992, 0.0004], highlighted=1)
    bound = rows_of(chart)
    assert [row["label"] for row in bound] == ["cat", "crane", "crane (2)"]
    assert [row["probability"] for row in bound] == [0.9, 0.0992, 0.0004]
    assert [row["strength"] for row in bound] == [0.45, 1, 0.45]
    numbers = views_of(chart.to_dict())[1]["encoding"]["y"]["axis"]["labelExpr"]
    assert numbers == '{"cat": "90.0%", "crane": "9.9%", "crane (2)": "< 0.1%"}[datum.value]'
    assert {row["strength"] for row in rows_of(EXAMPLES["top-k"])} == {1}


def test_histogram_draws_the_bins() -> None:
    assert rows_of(EXAMPLES["histogram"]) == [{"start": 0, "end": 1, "count": 1}, {"start": 1, "end": 2, "count": 2}]


def test_value_histogram_counts_every_finite_value() -> None:
    values = torch.randn(10, 100).to(torch.float16)
    values[0, :3], values[1, 0] = torch.nan, torch.inf
    chart = charts.value_histogram(values, unit="Weight")
    assert sum(row["count"] for row in rows_of(chart)) == 996
    assert chart.to_dict()["encoding"]["x"]["title"] == "Weight · 4 of 1,000 values are NaN or infinite and left out"


@pytest.mark.parametrize("values", [np.zeros(50), np.full(50, 1e300), np.full(50, 1e-300), np.full(50, np.nan), []])
def test_value_histogram_of_constants_and_of_nothing(values: object) -> None:
    array = np.asarray(values)
    bound = rows_of(charts.value_histogram(array))
    assert sum(row["count"] for row in bound) == np.isfinite(array).sum()
    assert all(row["start"] < row["end"] for row in bound)


def test_layer_profile_keeps_the_order_of_the_layers() -> None:
    chart = EXAMPLES["layers"]
    assert chart.to_dict()["encoding"]["x"]["sort"] == ["layer1", "layer2"]
    evidence = {(row["layer"], row["statistic"]): row["evidence"] for row in rows_of(chart)}
    expected = {("layer1", "mean"): 2, ("layer1", "max"): 3, ("layer2", "mean"): 2, ("layer2", "max"): 4}
    assert evidence == expected
    table = charts.layer_profile_table([attribution_at("layer1", [1, 3]), attribution_at("layer2", [0, 4])])
    assert rows_of(charts.layer_profile_chart(table)) == rows_of(chart)


def test_completeness_shows_both_sides_and_the_gap() -> None:
    chart = charts.completeness_chart(COMPLETENESS, row=1)
    assert [row["score"] for row in rows_of(chart)] == [3, 4]
    assert chart.to_dict()["encoding"]["x"]["title"] == "Score · gap -1, 25.0% of the change"
