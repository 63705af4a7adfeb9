"""The chart of how much relevance arrives at every layer."""

from __future__ import annotations

import pandas as pd

from explainers.render.charts.relevance import relevance_flow_chart
from tests.support.charts import rows_of, views_of

FLOW = pd.DataFrame(
    {"layer": ["fc", "conv"], "kind": ["Linear", "Conv2d"], "relevance": [2.0, 1.0], "share": [1.0, 0.5]}
)


def test_the_shares_stand_beside_the_whole_score() -> None:
    chart = relevance_flow_chart(FLOW, "Flow")
    spec = chart.to_dict()
    assert spec["title"] == "Flow"
    assert [row["share"] for row in rows_of(chart, 0)] == [1.0, 1.0]
    assert [row["share"] for row in rows_of(chart, 1)] == [1.0, 0.5]
    assert all(view["encoding"]["x"]["sort"] == ["fc", "conv"] for view in views_of(spec))
