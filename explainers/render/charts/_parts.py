"""What all charts share: their measures in pixels, their tooltips and titles."""

from __future__ import annotations

from typing import Any, Final

import altair as alt

BAR: Final = 26
"""Height of a horizontal bar with its gap, in pixels."""

HEIGHT: Final = 260
"""Height of a chart that does not grow with its rows, in pixels."""

LABELS: Final = 180
"""Room for names on an axis, in pixels; from 200 on Vega lets the axis' title run into them."""

STEEP: Final = -50
"""Angle of long names under a chart, in degrees."""


def tooltip(field: str, title: str, form: str = ".4~g") -> alt.Tooltip:
    """A number shown on hover, `form` as in d3-format."""
    return alt.Tooltip(f"{field}:Q", title=title, format=form)


def frame(height: int, title: str = "") -> dict[str, Any]:
    """Arguments of `properties`: the height of the plot alone, the page's whole width, and a title where there is one.

    There are no subtitles: Streamlit's dark theme leaves them black on black.
    """
    # Streamlit's own choice, "fit", would squeeze axes and title into the height, and the bars out of it.
    size: dict[str, Any] = {"height": height, "autosize": alt.AutoSizeParams(type="fit-x", contains="padding")}
    return size | ({"title": title} if title else {})


def bars_height(rows: int) -> int:
    """Height of a plot with that many horizontal bars, in pixels."""
    return BAR * max(1, rows)


def plain(**options: Any) -> alt.Axis:
    """An axis of plain numbers: 50 and not 5e+1."""
    return alt.Axis(format=".6~g", **options)


def names(**options: Any) -> alt.Axis:
    """An axis that shows every name; long ones are cut, and whole on hover."""
    return alt.Axis(labelLimit=LABELS, labelOverlap=False, **options)
