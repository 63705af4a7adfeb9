"""Charts of many maps beside one another."""

from __future__ import annotations

from typing import Any, cast

import altair as alt
import pandas as pd

from explainers.render.charts._parts import BAR, HEIGHT, LABELS, STEEP, frame, names, plain, tooltip

LEAST = 27  # px of a column that its numbers need


def correlation_chart(table: pd.DataFrame) -> alt.LayerChart:
    """Rank correlation of every pair of maps, as a matrix of colours with the numbers in it.

    Args:
        table: columns row, column, correlation, see `rank_correlations`.
    """
    order = list(dict.fromkeys(table["row"]))
    base = alt.Chart(table).encode(
        x=alt.X("column:N", sort=order, title=None, axis=names(labelAngle=STEEP)),
        y=alt.Y("row:N", sort=order, title=None, axis=names()),
    )
    squares = base.mark_rect().encode(
        color=alt.Color(
            "correlation:Q", title="Rank correlation", scale=alt.Scale(scheme="purpleorange", domain=[-1, 1], reverse=True),
            legend=alt.Legend(orient="bottom", direction="horizontal"),
        ),
        tooltip=[alt.Tooltip("row:N", title="Map"), alt.Tooltip("column:N", title="With"), tooltip("correlation", "Rank correlation")],
    )  # fmt: skip
    ink = alt.condition("abs(datum.correlation) > 0.6", alt.value("white"), alt.value("black"))
    # On a narrow screen the numbers would run into one another; the table has them.
    fits = alt.expr(f"width > {LEAST * len(order)} ? 1 : 0")
    words = base.mark_text(fontSize=11, opacity=fits).encode(text=alt.Text("correlation:Q", format=".2f"), color=ink)
    layers = [squares, words] if len(order) <= 12 else [squares]
    return cast(alt.LayerChart, alt.layer(*layers).properties(**frame(max(120, BAR * len(order)))))


def deletion_chart(table: pd.DataFrame) -> alt.Chart:
    """The score while the strongest pixels of every map are covered.

    Args:
        table: columns map, covered (percent), value (probability or score).
    """
    looks: dict[str, Any] = {
        "title": "Map",
        "legend": alt.Legend(orient="bottom", columns=2, labelLimit=LABELS * 2, symbolType="stroke"),
    }
    chart: alt.Chart = (
        alt.Chart(table)
        .mark_line(point=True)
        .encode(
            x=alt.X("covered:Q", title="Pixels covered [%], strongest of each map first", axis=plain()),
            y=alt.Y("value:Q", title="Probability or score", axis=plain()),
            color=alt.Color("map:N", **looks),
            strokeDash=alt.StrokeDash("map:N", **looks),
            tooltip=[alt.Tooltip("map:N", title="Map"), tooltip("covered", "Covered [%]"), tooltip("value", "Probability or score")],
        )
        .properties(**frame(HEIGHT, "Deletion"))
    )  # fmt: skip
    return chart
