"""Charts to look into, and what is in them."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import torch

from explainers.core.attribution import Attribution, Completeness
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


def attribution_at(layer: str, values: list[float]) -> Attribution:
    maps = torch.tensor([[values]], dtype=torch.float32)
    return Attribution(maps, "grad-cam", ClassTarget(0), torch.zeros(1), (3, 8, 8), signed=False, layer=layer)


COMPLETENESS = Completeness(total=torch.tensor([0.0, 3.0]), expected=torch.tensor([1.0, 4.0]))

EXAMPLES = {
    "top-k": charts.top_k_chart(["cat", "dog"], [0.9, 0.1]),
    "histogram": charts.histogram_chart([1, 2], [0, 1, 2], "Weights", "Weight"),
    "values": charts.value_histogram(np.arange(100.0), "Values", log_counts=True),
    "layers": charts.layer_profile_chart([attribution_at("layer1", [1, 3]), attribution_at("layer2", [0, 4])]),
    "completeness": charts.completeness_chart(COMPLETENESS),
    "weights": weight_charts.weights_overview_chart(WEIGHTS),
    "spectrum": weight_charts.spectrum_chart([3.0, 2.0, 1.0], alpha=2.5, tail_start=4.0),
    "compare": weight_charts.compare_chart(WEIGHTS.assign(relative_change=[0, 0.001, 0.1, 1, 2, 0.5])),
}


def views_of(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """The unit charts of a layered or concatenated one."""
    inner = spec.get("layer") or spec.get("vconcat")
    return [view for part in inner for view in views_of(part)] if inner else [spec]


def rows_of(chart: alt.TopLevelMixin, view: int = 0) -> list[dict[str, Any]]:
    spec = chart.to_dict()
    data = views_of(spec)[view].get("data") or spec["data"]
    bound_rows: list[dict[str, Any]] = spec["datasets"][data["name"]]
    return bound_rows
