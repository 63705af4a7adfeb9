"""Charts of attention heads, in Altair."""

from __future__ import annotations

import altair as alt
import pandas as pd

from explainers.render.charts._parts import HEIGHT, frame, plain, tooltip

_HEAD, _MEAN = "one head", "mean of the layer"


def attention_distance_chart(distances: pd.DataFrame, title: str = "") -> alt.LayerChart:
    """How far every head looks: a point per head, and a line through the means of the layers.

    Args:
        distances: columns layer, name, head, distance in pixels; see `AttentionHeads`.
    """
    heads = distances.assign(shown=_HEAD)
    means = distances.groupby(["layer", "name"], as_index=False)["distance"].mean().assign(shown=_MEAN)
    x = alt.X("layer:O", title="Layer, from the first to the last", axis=alt.Axis(labelAngle=0))
    y = alt.Y("distance:Q", title="Mean distance (px of the input)", scale=alt.Scale(zero=True), axis=plain())
    color = alt.Color("shown:N", title="Shown", scale=alt.Scale(domain=[_HEAD, _MEAN]))
    layer = [alt.Tooltip("layer:O", title="Layer"), alt.Tooltip("name:N", title="Module")]
    number = tooltip("distance", "Mean distance in px")
    points = (
        alt.Chart(heads)
        .mark_point(filled=True, size=60, opacity=0.8)
        .encode(x=x, y=y, color=color, tooltip=[*layer, alt.Tooltip("head:O", title="Head"), number])
    )
    line = alt.Chart(means).mark_line(point=True).encode(x=x, y=y, color=color, tooltip=[*layer, number])
    chart: alt.LayerChart = alt.LayerChart(layer=[line, points]).properties(**frame(HEIGHT, title))
    return chart
