"""Charts of what the checks find, and the picture to draw a box on."""

from __future__ import annotations

import pandas as pd
import pytest

from explainers.render.charts.trust import BAND, BOX, box_chart, curve_chart, randomisation_chart
from tests.support.charts import rows_of, views_of


@pytest.mark.parametrize("band", [True, False])
def test_curves_name_their_orders_and_the_band_is_that_of_the_random_ones(band: bool) -> None:
    orders = ["map", "centre", *(BAND if band else ())]
    table = pd.DataFrame(
        [
            {"order": order, "pixels covered [%]": share, "probability": 0.5}
            for order in orders
            for share in (0.0, 100.0)
        ]
    )
    chart = curve_chart(table, "Deletion")
    views = views_of(chart.to_dict())
    assert len(views) == 1 + band
    assert [row["order"] for row in rows_of(chart)] == [
        *["strongest of the map first"] * 2,
        *["from the centre outwards"] * 2,
    ]
    assert views[0]["encoding"]["x"]["title"] == "Pixels covered [%]"
    assert views[0]["encoding"]["y"]["title"] == "Probability"
    if band:
        assert rows_of(chart, 1) == [{"share": share, "low": 0.5, "high": 0.5} for share in (0.0, 100.0)]


def test_every_measure_of_likeness_has_a_line() -> None:
    table = pd.DataFrame(
        {"step": [1, 2], "redrawn from the top down to": ["fc", "conv"], "rank correlation": [0.5, 0.1]}
    )
    chart = randomisation_chart(table)
    assert [row["likeness"] for row in rows_of(chart)] == [0.5, 0.1]
    assert chart.to_dict()["encoding"]["x"]["sort"] == ["fc", "conv"]


@pytest.mark.parametrize("box", [None, (8, 4, 12, 20)])
def test_the_box_is_in_pixels_of_the_input_from_the_upper_left(box: tuple[int, int, int, int] | None) -> None:
    chart = box_chart("data:,", (32, 64), box)
    spec = chart.to_dict()
    assert spec["params"][0]["name"] == BOX
    assert (spec["width"], spec["height"]) == (300, 150)
    domains = [view["encoding"][axis]["scale"]["domain"] for view in views_of(spec)[:1] for axis in ("x", "y")]
    assert domains == [[0, 64], [32, 0]]
    assert len(views_of(spec)) == (2 if box is None else 3)
    if box is not None:
        assert rows_of(chart, 2) == [{"x": 8, "y": 4, "right": 12, "bottom": 20}]
