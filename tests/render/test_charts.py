"""Charts are valid Vega-Lite, name their axes, and draw the numbers they were given."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pytest
import torch

from explainers.core.attribution import Attribution, Completeness
from explainers.core.errors import VitrineError
from explainers.core.target import ClassTarget
from explainers.render.charts import attribution as charts
from explainers.render.charts import weights as weight_charts

TENSORS = [f"layer{n}.weight" for n in range(6)]
WEIGHTS = pd.DataFrame(
    {
        "tensor": TENSORS,
        "kind": ["Conv2d", "BatchNorm2d"] * 3,
        "shape": [(64, 3, 7, 7), (64,)] * 3,
        "count": [9408, 64] * 3,
        "mean": 0.0,
        "std": [0.1, np.inf, 0.3, 0.2, np.nan, 0.1],
        "sparsity": 0.5,
        "l2": range(6),
        "dead_filters": 0,
        "nan": [0, 2, 0, 0, 0, 0],
        "inf": 0,
        "alpha": [2.5, np.nan] * 3,
    }
)


def attribution(layer: str, values: list[float]) -> Attribution:
    maps = torch.tensor([[values]], dtype=torch.float32)
    return Attribution(maps, "grad-cam", ClassTarget(0), torch.zeros(1), (3, 8, 8), signed=False, layer=layer)


COMPLETENESS = Completeness(total=torch.tensor([0.0, 3.0]), expected=torch.tensor([1.0, 4.0]))
ALL = {
    "top-k": charts.top_k_chart(["cat", "dog"], [0.9, 0.1]),
    "histogram": charts.histogram_chart([1, 2], [0, 1, 2], "Weights", "Weight"),
    "values": charts.value_histogram(np.arange(100.0), "Values", log_counts=True),
    "layers": charts.layer_profile_chart([attribution("layer1", [1, 3]), attribution("layer2", [0, 4])]),
    "completeness": charts.completeness_chart(COMPLETENESS),
    "weights": weight_charts.weights_overview_chart(WEIGHTS),
    "spectrum": weight_charts.spectrum_chart([3.0, 2.0, 1.0], alpha=2.5, tail_start=4.0),
    "compare": weight_charts.compare_chart(WEIGHTS.assign(relative_change=[0, 0.001, 0.1, 1, 2, 0.5])),
}


def views(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """The unit charts of a layered or concatenated one."""
    inner = spec.get("layer") or spec.get("vconcat")
    return [view for part in inner for view in views(part)] if inner else [spec]


def rows(chart: alt.TopLevelMixin, view: int = 0) -> list[dict[str, Any]]:
    spec = chart.to_dict()
    data = views(spec)[view].get("data") or spec["data"]
    found: list[dict[str, Any]] = spec["datasets"][data["name"]]
    return found


@pytest.mark.parametrize("name", ALL)
def test_charts_are_valid_and_say_what_they_show(name: str) -> None:
    spec = ALL[name].to_dict()  # validates against the schema
    assert spec["title"]
    heights = [view.get("height", spec.get("height")) for view in views(spec)]
    assert all(height > 0 for height in heights)
    for channel in ("x", "y"):
        titles = [view["encoding"][channel].get("title") for view in views(spec)]
        named = name == "completeness" and channel == "y"  # its two bars say themselves what they are
        assert any(titles) or named, (channel, titles)
    drawn = [view for view in views(spec) if view["mark"].get("opacity") != 0]
    assert all(view["encoding"]["tooltip"] for view in drawn)


@pytest.mark.parametrize("name", ALL)
def test_colours_are_left_to_the_theme(name: str) -> None:
    spec = ALL[name].to_dict()
    for view in views(spec):
        assert view["mark"]["type"] != "text"  # black in any theme
        assert "color" not in view["mark"]
        assert "range" not in view["encoding"].get("color", {}).get("scale", {})
    assert "subtitle" not in str(spec)


def test_top_k_draws_the_probabilities_and_their_percentages() -> None:
    chart = charts.top_k_chart(["cat", "crane", "crane"], [0.9, 0.0992, 0.0004], highlighted=1)
    bound = rows(chart)
    assert [row["label"] for row in bound] == ["cat", "crane", "crane (2)"]
    assert [row["probability"] for row in bound] == [0.9, 0.0992, 0.0004]
    assert [row["strength"] for row in bound] == [0.45, 1, 0.45]
    numbers = views(chart.to_dict())[1]["encoding"]["y"]["axis"]["labelExpr"]
    assert numbers == '{"cat": "90.0%", "crane": "9.9%", "crane (2)": "< 0.1%"}[datum.value]'
    assert {row["strength"] for row in rows(ALL["top-k"])} == {1}


def test_histogram_draws_the_bins() -> None:
    assert rows(ALL["histogram"]) == [{"start": 0, "end": 1, "count": 1}, {"start": 1, "end": 2, "count": 2}]


def test_value_histogram_counts_every_finite_value() -> None:
    values = torch.randn(10, 100).to(torch.float16)
    values[0, :3], values[1, 0] = torch.nan, torch.inf
    chart = charts.value_histogram(values, unit="Weight")
    assert sum(row["count"] for row in rows(chart)) == 996
    assert chart.to_dict()["encoding"]["x"]["title"] == "Weight · 4 of 1,000 values are NaN or infinite and left out"


@pytest.mark.parametrize("values", [np.zeros(50), np.full(50, 1e300), np.full(50, 1e-300), np.full(50, np.nan), []])
def test_value_histogram_of_constants_and_of_nothing(values: object) -> None:
    array = np.asarray(values)
    bound = rows(charts.value_histogram(array))
    assert sum(row["count"] for row in bound) == np.isfinite(array).sum()
    assert all(row["start"] < row["end"] for row in bound)


def test_layer_profile_keeps_the_order_of_the_layers() -> None:
    chart = ALL["layers"]
    assert chart.to_dict()["encoding"]["x"]["sort"] == ["layer1", "layer2"]
    found = {(row["layer"], row["statistic"]): row["evidence"] for row in rows(chart)}
    expected = {("layer1", "mean"): 2, ("layer1", "max"): 3, ("layer2", "mean"): 2, ("layer2", "max"): 4}
    assert found == expected
    table = charts.layer_profile_table([attribution("layer1", [1, 3]), attribution("layer2", [0, 4])])
    assert rows(charts.layer_profile_chart(table)) == rows(chart)


def test_completeness_shows_both_sides_and_the_gap() -> None:
    chart = charts.completeness_chart(COMPLETENESS, row=1)
    assert [row["score"] for row in rows(chart)] == [3, 4]
    assert chart.to_dict()["encoding"]["x"]["title"] == "Score · gap -1, 25.0% of the change"


def test_weights_overview_has_a_panel_per_measure_and_a_place_per_tensor() -> None:
    chart = ALL["weights"]
    spec = chart.to_dict()
    assert [view["encoding"]["y"]["field"] for view in views(spec)] == ["std", "sparsity", "l2", "alpha"]
    for view in views(spec):
        assert view["encoding"]["x"]["scale"]["domain"] == TENSORS
    bound = rows(chart)
    assert [row["std"] for row in bound] == [0.1, None, 0.3, 0.2, None, 0.1]
    assert bound[0]["shape"] == "64 × 3 × 7 × 7"
    assert "NaN or infinite weights in layer1.weight" in str(spec)
    assert WEIGHTS["shape"][0] == (64, 3, 7, 7)  # the caller's table is left alone


def test_weights_overview_of_one_measure() -> None:
    assert len(views(weight_charts.weights_overview_chart(WEIGHTS, "l2").to_dict())) == 1
    with pytest.raises(VitrineError, match="'stable_rank'; choose among mean, std"):
        weight_charts.weights_overview_chart(WEIGHTS, "stable_rank")


def test_spectrum_counts_from_above_and_draws_the_fit() -> None:
    table = weight_charts.spectrum_table([1.0, 0.0, 3.0, np.nan, 2.0])
    assert table["eigenvalue"].tolist() == [9, 4, 1]
    assert table["share"].tolist() == pytest.approx([1 / 3, 2 / 3, 1])
    line = pd.DataFrame(rows(ALL["spectrum"], view=1))
    assert line["eigenvalue"].iloc[[0, -1]].tolist() == pytest.approx([4, 9])
    slope = np.diff(np.log(line["share"])) / np.diff(np.log(line["eigenvalue"]))
    assert np.allclose(slope, 1 - 2.5)
    assert line["share"].iloc[0] == pytest.approx(2 / 3)
    assert all(
        len(views(weight_charts.spectrum_chart([1.0, 2.0], a, t).to_dict())) == 1
        for a, t in [(None, 1), (2, None), (2, 99)]
    )


def test_the_spectrum_of_nothing() -> None:
    assert weight_charts.spectrum_table([]).empty
    weight_charts.spectrum_chart([]).to_dict()


def test_compare_draws_every_change_in_order() -> None:
    bound = rows(ALL["compare"])
    assert [(row["tensor"], row["relative_change"]) for row in bound][:3] == list(
        zip(TENSORS, [0, 0.001, 0.1], strict=False)
    )
    bare = weight_charts.compare_chart(pd.DataFrame({"tensor": ["a"], "relative_change": [0.1]}))
    assert "color" not in bare.to_dict()["encoding"]
