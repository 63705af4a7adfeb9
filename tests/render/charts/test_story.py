"""Charts of the guided story."""

from __future__ import annotations

import pandas as pd

from explainers.render.charts.story import changed_chart, where_chart
from tests.support.charts import rows_of


def test_every_map_has_a_bar_per_place() -> None:
    table = pd.DataFrame({"map": ["a", "a"], "place": ["the sticker", "the sign"], "share": [0.7, 0.1]})
    chart = where_chart(table)
    assert rows_of(chart) == table.to_dict("records")
    assert chart.to_dict()["encoding"]["x"]["scale"]["domain"] == [0, 1]


def test_every_network_has_a_bar() -> None:
    table = pd.DataFrame({"network": ["a", "b"], "changed": [0.7, 0.0]})
    chart = changed_chart(table)
    assert rows_of(chart) == table.to_dict("records")
    assert chart.to_dict()["encoding"]["x"]["scale"]["domain"] == [0, 1]
