"""What all charts share: their measures in pixels, their tooltips and titles."""

from __future__ import annotations

from typing import Any, Final, cast

import altair as alt

BAR: Final = 26
"""Height of a horizontal bar with its gap, in pixels."""

HEIGHT: Final = 260
"""Height of a chart that does not grow with its rows, in pixels."""

LABELS: Final = 180
"""Room for names on an axis, in pixels; from 200 on Vega lets the axis' title run into them."""

STEEP: Final = -50
"""Angle of long names under a chart, in degrees."""

INK: Final = alt.ExprRef("luminance(background) < 0.2 ? '#d5d3ce' : '#3d434b'")
"""Colour of words: dark on a light ground and light on a dark one, at 4.5:1 or more; Vega reads the ground when it draws."""

WORDS: Final[dict[str, Any]] = {
    "axis": {"labelColor": INK, "titleColor": INK},
    "legend": {"labelColor": INK, "titleColor": INK},
    "title": {"color": INK, "subtitleColor": INK},
}
"""Configuration of every chart: a theme's own labels are too faint to read (3.5:1 in Streamlit's light one)."""


def tooltip(field: str, title: str, form: str = ".4~g") -> alt.Tooltip:
    """A number shown on hover, `form` as in d3-format."""
    return alt.Tooltip(f"{field}:Q", title=title, format=form)


def frame(height: int, title: str = "") -> dict[str, Any]:
    """Arguments of `properties`: the height of the plot alone, the page's whole width, legible words, and a title where there is one."""
    # Streamlit's own choice, "fit", would squeeze axes and title into the height, and the bars out of it.
    size: dict[str, Any] = {"height": height, "autosize": alt.AutoSizeParams(type="fit-x", contains="padding")}
    return size | {"config": alt.Config(**cast(Any, WORDS))} | ({"title": title} if title else {})


def bars_height(rows: int) -> int:
    """Height of a plot with that many horizontal bars, in pixels."""
    return BAR * max(1, rows)


def plain(**options: Any) -> alt.Axis:
    """An axis of plain numbers: 50 and not 5e+1."""
    return alt.Axis(format=".6~g", **options)


def names(**options: Any) -> alt.Axis:
    """An axis that shows every name; long ones are cut, and whole on hover."""
    return alt.Axis(labelLimit=LABELS, labelOverlap=False, **options)
