"""Charts of what the checks found, and a picture to draw a box on."""

from __future__ import annotations

from typing import Any, Final, cast

import altair as alt
import pandas as pd

from explainers.render.charts._parts import HEIGHT, LABELS, STEEP, frame, plain, tooltip

ORDERS: Final = {
    "map": "strongest of the map first",
    "highest first": "strongest of the map first",
    "lowest first": "weakest of the map first",
    "centre": "from the centre outwards",
    "opponents, mean": "moved copies and other pictures' maps, mean",
}

BAND: Final = ("opponents, 5th percentile", "opponents, 95th percentile")

BOX: Final = "box"
"""Name of the selection in `box_chart`."""


def curve_chart(table: pd.DataFrame, title: str) -> alt.LayerChart:
    """The score while pixels are covered or shown in several orders, and the band of nine in ten opponents.

    Args:
        table: columns order, a share of the pixels in percent, and what was recorded, as the checks deletion, insertion and
            ROAD leave them.
    """
    _, share, quantity = table.columns
    titles = [words[0].upper() + words[1:] for words in (share, quantity)]
    plainly = table.set_axis(["order", "share", "value"], axis=1)  # Vega reads brackets in a name as an index
    lines = plainly[plainly["order"].isin(list(ORDERS))].assign(order=lambda t: t["order"].map(ORDERS))
    present = [name for name in dict.fromkeys(ORDERS.values()) if name in set(lines["order"])]
    looks: dict[str, Any] = {
        "sort": present,
        "title": "Order of the pixels",
        "legend": alt.Legend(orient="bottom", symbolType="stroke", columns=1, labelLimit=300),
    }
    x = alt.X("share:Q", title=titles[0], axis=plain())
    drawn: list[alt.Chart | alt.LayerChart] = [
        alt.Chart(lines)
        .mark_line(point=True)
        .encode(
            x=x,
            y=alt.Y("value:Q", title=titles[1], axis=plain()),
            color=alt.Color("order:N", **looks),
            strokeDash=alt.StrokeDash("order:N", **looks),
            tooltip=[alt.Tooltip("order:N", title="Order"), tooltip("share", titles[0]), tooltip("value", titles[1])],
        )
    ]
    band = (
        plainly[plainly["order"].isin(BAND)].pivot_table(index="share", columns="order", values="value").reset_index()
    )
    if len(band):
        ends = band.rename(columns={BAND[0]: "low", BAND[1]: "high"})
        drawn.append(
            alt.Chart(ends)
            .mark_area(opacity=0.2)
            .encode(x=x, y=alt.Y("low:Q", title=titles[1]), y2="high:Q", color=alt.datum(ORDERS["opponents, mean"]))
        )
    return cast(alt.LayerChart, alt.layer(*drawn).properties(**frame(HEIGHT, title)))


def fit_chart(table: pd.DataFrame) -> alt.Chart:
    """The score of pictures with hidden halves against how much of the map each shows.

    Args:
        table: as the check faithfulness-correlation leaves it: "share of the map seen [%]" and "score".
    """
    plainly = table.set_axis(["share", "score"], axis=1)
    chart: alt.Chart = (
        alt.Chart(plainly)
        .mark_point(filled=True, size=50)
        .encode(
            x=alt.X("share:Q", title="Share of the map that is visible [%]", axis=plain(), scale=alt.Scale(zero=False)),
            y=alt.Y("score:Q", title="Score above the mean of all classes", axis=plain(), scale=alt.Scale(zero=False)),
            tooltip=[tooltip("share", "Share of the map that is visible [%]"), tooltip("score", "Score")],
        )
        .properties(**frame(HEIGHT, "Pictures with one half hidden"))
    )
    return chart


def randomisation_chart(table: pd.DataFrame) -> alt.Chart:
    """How like itself the map stays while the network's weights are redrawn from the top down.

    Args:
        table: as the check leaves it: "step", "redrawn from the top down to", and measures of likeness.
    """
    layer = "redrawn from the top down to"
    measures = [name for name in table.columns if name not in ("step", layer)]
    looks: dict[str, Any] = {
        "sort": measures,
        "title": "Measure",
        "legend": alt.Legend(orient="bottom", symbolType="stroke", columns=1, labelLimit=300),
    }
    long = table.melt(["step", layer], measures, var_name="measure", value_name="likeness")
    chart: alt.Chart = (
        alt.Chart(long)
        .mark_line(point=True)
        .encode(
            x=alt.X(f"{layer}:N", sort=list(table[layer]), title="Weights redrawn from the top down to",
                    axis=alt.Axis(labelAngle=STEEP, labelLimit=LABELS)),
            y=alt.Y("likeness:Q", title="Likeness to the map explained", axis=plain()),
            color=alt.Color("measure:N", **looks),
            strokeDash=alt.StrokeDash("measure:N", **looks),
            tooltip=[alt.Tooltip(f"{layer}:N", title="Redrawn to"), alt.Tooltip("measure:N", title="Measure"),
                     tooltip("likeness", "Likeness")],
        )
        .properties(**frame(HEIGHT, "Model randomisation"))
    )  # fmt: skip
    return chart


def box_chart(picture: str, size: tuple[int, int], box: tuple[int, int, int, int] | None = None) -> alt.LayerChart:
    """The picture to drag a box on; the selection `BOX` holds its edges in pixels of the input.

    Args:
        picture: the picture as an address.
        size: (height, width) of the input, in pixels.
        box: (left, top, right, bottom), drawn where there is one.
    """
    height, width = size
    ground = pd.DataFrame({"x": [0], "y": [0], "right": [width], "bottom": [height], "picture": [picture]})
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, width], nice=False), axis=None)
    y = alt.Y("y:Q", scale=alt.Scale(domain=[height, 0], nice=False), axis=None)
    brush = alt.selection_interval(name=BOX, encodings=["x", "y"])
    middle = ground.assign(x=width / 2, y=height / 2)
    shown = 300
    seen = (
        alt.Chart(middle)
        .mark_image(width=shown, height=round(shown * height / width), aspect=False)
        .encode(x=x, y=y, url="picture:N")
    )
    touched = alt.Chart(ground).mark_rect(opacity=0).encode(x=x, y=y, x2="right:Q", y2="bottom:Q").add_params(brush)
    layers = [seen, touched]
    if box is not None:
        left, top, right, bottom = box
        edges = pd.DataFrame({"x": [left], "y": [top], "right": [right], "bottom": [bottom]})
        layers.append(
            alt.Chart(edges).mark_rect(filled=False, stroke="#ff7f0e", strokeWidth=3).encode(
                x=x, y=y, x2="right:Q", y2="bottom:Q"
            )
        )  # fmt: skip
    return cast(alt.LayerChart, alt.layer(*layers).properties(width=shown, height=round(shown * height / width)))
