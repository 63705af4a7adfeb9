"""Charts of relevance, in Altair: how much of the score is left at every layer."""

from __future__ import annotations

import altair as alt
import pandas as pd

from explainers.render.charts._parts import HEIGHT, LABELS, STEEP, frame, tooltip

RELEVANCE, SCORE = "relevance", "the score, 100%"


def relevance_flow_chart(flow: pd.DataFrame, title: str = "Conservation of relevance") -> alt.LayerChart:
    """The share of the score behind every layer, from the output on the left to the input on the right.

    A dashed line stands at 100%: relevance above it was doubled, or what it lacks was absorbed.

    Args:
        flow: as `explainers.relevance.conservation` makes it; columns layer, kind, relevance, share.
    """
    order = list(flow["layer"])
    layers = alt.X(
        "layer:N", sort=order, title="Layer, from output to input", axis=_names(), scale=alt.Scale(domain=order)
    )
    share = alt.Y("share:Q", title="Share of the score", axis=alt.Axis(format=".0%"))
    colour = alt.Color("what:N", title="Sum of", scale=alt.Scale(domain=[RELEVANCE, SCORE]))
    tooltips = [alt.Tooltip("layer:N", title="Layer"), alt.Tooltip("kind:N", title="Kind")]
    tooltips += [tooltip("relevance", "Relevance"), tooltip("share", "Share of the score", ".1%")]
    arriving = alt.Chart(flow.assign(what=RELEVANCE)).mark_line(point=True)
    whole = alt.Chart(flow.assign(what=SCORE, share=1.0)).mark_line(strokeDash=[6, 4])
    layered = alt.LayerChart(
        layer=[
            whole.encode(x=layers, y=share, color=colour),
            arriving.encode(x=layers, y=share, color=colour, tooltip=tooltips),
        ]
    )
    return layered.properties(**frame(HEIGHT, title))


def _names() -> alt.Axis:
    return alt.Axis(labelAngle=STEEP, labelLimit=LABELS)
