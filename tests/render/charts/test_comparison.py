"""Charts of many maps beside one another."""

from __future__ import annotations

import pandas as pd
import pytest

from explainers.render.charts.comparison import correlation_chart, deletion_chart
from tests.support.charts import rows_of, views_of


@pytest.mark.parametrize(("maps", "layers"), [(3, 2), (13, 1)])
def test_every_pair_has_a_square_and_few_enough_a_number(maps: int, layers: int) -> None:
    names = [f"map {index}" for index in range(maps)]
    table = pd.DataFrame([{"row": a, "column": b, "correlation": float(a == b)} for a in names for b in names])
    chart = correlation_chart(table)
    views = views_of(chart.to_dict())
    assert [view["mark"]["type"] for view in views] == ["rect", "text"][:layers]
    assert views[0]["encoding"]["x"]["sort"] == views[0]["encoding"]["y"]["sort"] == names
    assert views[0]["encoding"]["color"]["scale"]["domain"] == [-1, 1]
    assert rows_of(chart) == table.to_dict("records")


def test_deletion_draws_a_line_per_map() -> None:
    table = pd.DataFrame({"map": ["a", "a", "b"], "covered": [0, 10, 0], "value": [0.9, 0.2, 0.9]})
    chart = deletion_chart(table)
    assert rows_of(chart) == table.to_dict("records")
    assert chart.to_dict()["encoding"]["color"]["field"] == "map"
