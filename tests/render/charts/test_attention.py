"""The chart of attention distances."""

from __future__ import annotations

import pandas as pd

from explainers.render.charts.attention import attention_distance_chart

TABLE = pd.DataFrame(
    {
        "layer": [0, 0, 1, 1],
        "name": ["a", "a", "b", "b"],
        "head": [0, 1, 0, 1],
        "distance": [10.0, 20.0, 4.0, 5.0],
    }
)


def test_a_point_per_head_and_the_mean_of_each_layer() -> None:
    spec = attention_distance_chart(TABLE, "Distances").to_dict()
    line, points = (spec["datasets"][layer["data"]["name"]] for layer in spec["layer"])
    assert [row["distance"] for row in points] == [10.0, 20.0, 4.0, 5.0]
    assert [(row["layer"], row["distance"]) for row in line] == [(0, 15.0), (1, 4.5)]
    assert spec["title"] == "Distances"
    for layer in spec["layer"]:
        assert layer["encoding"]["y"]["title"] == "Mean distance (px of the input)"
        assert "layer" in layer["encoding"]["x"]["title"].lower()
