"""What all charts share: their measures in pixels, their tooltips and titles."""

from __future__ import annotations

from typing import Any, Final

import altair as alt

BAR: Final = 26
"""Height of a horizontal bar with its gap, in pixels."""

HEIGHT: Final = 260
"""Height of a chart that does not grow with its rows, in pixels."""

LABELS: Final = 260
"""Room for names on an axis, in pixels."""

STEEP: Final = -50
"""Angle of long names under a chart, in degrees."""


def tooltip(field: str, title: str, form: str = ".4~g") -> alt.Tooltip:
    """A number shown on hover, `form` as in d3-format."""
    return alt.Tooltip(f"{field}:Q", title=title, format=form)


def titled(title: str, note: str = "") -> dict[str, Any]:
    """The title with a note under it, as an argument of `properties`; nothing where both are empty."""
    if not title and not note:
        return {}
    return {"title": alt.TitleParams(title, subtitle=note) if note else title}
