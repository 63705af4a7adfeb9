"""Charts of weights draw the numbers that they were given."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from explainers.core.errors import VitrineError
from explainers.render.charts import weights as weight_charts
from tests.support.charts import EXAMPLES, TENSORS, WEIGHTS, rows_of, views_of


def test_weights_overview_has_a_panel_per_measure_and_a_place_per_tensor() -> None:
    chart = EXAMPLES["weights"]
    spec = chart.to_dict()
    assert [view["encoding"]["y"]["field"] for view in views_of(spec)] == ["std", "sparsity", "l2", "alpha"]
    for view in views_of(spec):
        assert view["encoding"]["x"]["scale"]["domain"] == TENSORS
    bound = rows_of(chart)
    assert [row["std"] for row in bound] == [0.1, None, 0.3, 0.2, None, 0.1]
    assert bound[0]["shape"] == "64 × 3 × 7 × 7"
    assert "NaN or infinite weights in layer1.weight" in str(spec)
    assert WEIGHTS["shape"][0] == (64, 3, 7, 7)  # the caller's table is left alone


def test_weights_overview_of_one_measure() -> None:
    assert len(views_of(weight_charts.weights_overview_chart(WEIGHTS, "l2").to_dict())) == 1
    with pytest.raises(VitrineError, match="'stable_rank'; choose among mean, std"):
        weight_charts.weights_overview_chart(WEIGHTS, "stable_rank")


def test_spectrum_counts_from_above_and_draws_the_fit() -> None:
    table = weight_charts.spectrum_table([1.0, 0.0, 3.0, np.nan, 2.0])
    assert table["eigenvalue"].tolist() == [9, 4, 1]
    assert table["share"].tolist() == pytest.approx([1 / 3, 2 / 3, 1])
    line = pd.DataFrame(rows_of(EXAMPLES["spectrum"], view=1))
    assert line["eigenvalue"].iloc[[0, -1]].tolist() == pytest.approx([4, 9])
    slope = np.diff(np.log(line["share"])) / np.diff(np.log(line["eigenvalue"]))
    assert np.allclose(slope, 1 - 2.5)
    assert line["share"].iloc[0] == pytest.approx(2 / 3)
    assert all(
        len(views_of(weight_charts.spectrum_chart([1.0, 2.0], a, t).to_dict())) == 1
        for a, t in [(None, 1), (2, None), (2, 99)]
    )


def test_the_spectrum_of_nothing() -> None:
    assert weight_charts.spectrum_table([]).empty
    weight_charts.spectrum_chart([]).to_dict()


def test_compare_draws_every_change_in_order() -> None:
    bound = rows_of(EXAMPLES["compare"])
    assert [(row["tensor"], row["relative_change"]) for row in bound][:3] == list(
        zip(TENSORS, [0, 0.001, 0.1], strict=False)
    )
    bare = weight_charts.compare_chart(pd.DataFrame({"tensor": ["a"], "relative_change": [0.1]}))
    assert "color" not in bare.to_dict()["encoding"]
