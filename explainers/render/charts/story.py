"""Charts of the guided story."""

from __future__ import annotations

import altair as alt
import pandas as pd

from explainers.render.charts._parts import bars_height, frame, names, tooltip


def where_chart(table: pd.DataFrame) -> alt.Chart:
    """How much of every map lies on the sticker and on the sign, beside what chance would give.

    Args:
        table: columns map, place, share (0 to 1).
    """
    chart: alt.Chart = (
        alt.Chart(table)
        .mark_bar()
        .encode(
            x=alt.X("share:Q", title="Share of the map's positive values", axis=alt.Axis(format="%", tickCount=5), scale=alt.Scale(domain=[0, 1])),
            y=alt.Y("map:N", sort=list(dict.fromkeys(table["map"])), title=None, axis=names()),
            yOffset=alt.YOffset("place:N", sort=["the sticker", "the sign"]),
            color=alt.Color("place:N", sort=["the sticker", "the sign"], title="On", legend=alt.Legend(orient="bottom")),
            tooltip=[alt.Tooltip("map:N", title="Map"), alt.Tooltip("place:N", title="On"), tooltip("share", "Share", ".0%")],
        )
        .properties(**frame(bars_height(2 * table["map"].nunique())))
    )  # fmt: skip
    return chart


def changed_chart(table: pd.DataFrame) -> alt.Chart:
    """How many answers the sticker changes.

    Args:
        table: columns network, changed (share of the scenes, 0 to 1).
    """
    chart: alt.Chart = (
        alt.Chart(table)
        .mark_bar()
        .encode(
            x=alt.X("changed:Q", title="Answers that the sticker changes", axis=alt.Axis(format="%", tickCount=5), scale=alt.Scale(domain=[0, 1])),
            y=alt.Y("network:N", sort=None, title=None, axis=names()),
            tooltip=[alt.Tooltip("network:N", title="Network"), tooltip("changed", "Changed", ".0%")],
        )
        .properties(**frame(bars_height(len(table))))
    )  # fmt: skip
    return chart
