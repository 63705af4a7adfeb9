"""Charts of answers and maps, in Altair. Each pairs with the table that it draws.

Colours are left to the theme, which knows whether the page is dark. For the same reason numbers beside bars are
axis labels and not text marks: those would be black in any theme."""

from __future__ import annotations

import json
from collections.abc import Sequence

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from explainers.core.attribution import Attribution, Completeness
from explainers.render.charts._parts import HEIGHT, LABELS, STEEP, bars_height, frame, names, plain, tooltip
from explainers.render.scale import Floats, Values, as_array


def top_k_table(labels: Sequence[str], probabilities: Sequence[float]) -> pd.DataFrame:
    """Columns: label (made unique, as ImageNet has two classes called crane), probability."""
    return pd.DataFrame({"label": _unique(labels), "probability": [float(p) for p in probabilities]})


def top_k_chart(
    labels: Sequence[str],
    probabilities: Sequence[float],
    highlighted: int | None = None,
    title: str = "Most probable classes",
) -> alt.LayerChart:
    """Probabilities as horizontal bars in the order given, with their values in per cent.

    Args:
        highlighted: place in `labels` of the bar that is explained; the others step back.
    """
    table = top_k_table(labels, probabilities)
    percent = {str(name): _percent(p) for name, p in zip(table["label"], table["probability"], strict=True)}
    faded = highlighted is not None and 0 <= highlighted < len(table)
    table["strength"] = [1.0 if not faded or bar_index == highlighted else 0.45 for bar_index in range(len(table))]
    base = alt.Chart(table)
    bars = base.mark_bar().encode(
        x=_probability_axis(),
        y=alt.Y("label:N", sort=None, title="Class", axis=names()),
        opacity=alt.Opacity("strength:Q", scale=None, legend=None),
        tooltip=[alt.Tooltip("label:N", title="Class"), tooltip("probability", "Probability", ".3%")],
    )
    # Invisible, and there for its axis: on the right, every class' name is replaced by its number.
    numbers = base.mark_tick(opacity=0, tooltip=None).encode(
        x=_probability_axis(),
        y=alt.Y("label:N", sort=None, title=None, axis=names(orient="right", labelExpr=_lookup(percent))),
    )
    layered: alt.LayerChart = alt.layer(bars, numbers).resolve_axis(y="independent")
    return layered.properties(**frame(bars_height(len(table)), title))


def _probability_axis() -> alt.X:
    return alt.X("probability:Q", title="Probability", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format=".0%"))


def _percent(share: float) -> str:
    return "< 0.1%" if 0 < share < 0.0005 else f"{share:.1%}"


def _lookup(shown: dict[str, str]) -> str:
    """A Vega expression that turns an axis' value into what is shown for it."""
    return f"{json.dumps(shown)}[datum.value]"


def _unique(labels: Sequence[str]) -> list[str]:
    seen: dict[str, int] = {}
    names = []
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        names.append(label if seen[label] == 1 else f"{label} ({seen[label]})")
    return names


def histogram_table(counts: npt.ArrayLike, edges: npt.ArrayLike) -> pd.DataFrame:
    """Columns: start, end, count; a row per bin.

    Args:
        counts: (B,).
        edges: (B + 1,).
    """
    ends = np.asarray(edges, np.float64)
    return pd.DataFrame({"start": ends[:-1], "end": ends[1:], "count": np.asarray(counts)})


def histogram_chart(
    counts: npt.ArrayLike, edges: npt.ArrayLike, title: str = "", unit: str = "Value", log_counts: bool = False
) -> alt.Chart:
    """Bars of counts, binned already.

    Args:
        counts, edges: (B,) and (B + 1,), as `numpy.histogram` gives them.
        unit: title of the horizontal axis.
        log_counts: counts on a logarithmic axis that has zero, for spikes with faint tails.
    """
    table = histogram_table(counts, edges)
    axis, scale = alt.Axis(tickCount=5), alt.Scale()
    if log_counts:
        powers = [10**n for n in range(len(str(int(table["count"].max()))) if len(table) else 1)]
        axis, scale = alt.Axis(values=[0, *powers], format=",d"), alt.Scale(type="symlog")
    chart: alt.Chart = (
        alt.Chart(table)
        .mark_bar()
        .encode(
            x=alt.X("start:Q", bin="binned", title=unit, axis=plain()),
            x2="end:Q",
            y=alt.Y("count:Q", title="Count", scale=scale, axis=axis),
            tooltip=[tooltip("start", "From"), tooltip("end", "To"), tooltip("count", "Count", ",")],
        )
        .properties(**frame(HEIGHT, title))
    )
    return chart


def value_histogram(
    values: Values, title: str = "", unit: str = "Value", bins: int = 60, log_counts: bool = False
) -> alt.Chart:
    """How the numbers of a map, or of a tensor of any shape, are spread; those not finite are counted on the axis."""
    numbers = as_array(values).ravel()
    finite = numbers[np.isfinite(numbers)]
    left_out = numbers.size - finite.size
    if left_out:
        unit += f" · {left_out:,} of {numbers.size:,} values are NaN or infinite and left out"
    counts, edges = np.histogram(finite, bins=_bin_edges(finite, bins))
    return histogram_chart(counts, edges, title, unit, log_counts)


def _bin_edges(values: Floats, bins: int) -> Floats:
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    if np.linspace(low, high, bins + 1)[1] > low:
        return np.linspace(low, high, bins + 1)
    # All values are the same, or too near one another to be told apart.
    half = max(abs(low), abs(high), 1.0) / 2
    return np.linspace(low - half, high + half, bins + 1)


def layer_profile_table(attributions: Sequence[Attribution], row: int = 0) -> pd.DataFrame:
    """Columns: layer, mean, max of the maps of input `row`, from the first layer given to the last."""
    maps = [attribution.values[row] for attribution in attributions]
    return pd.DataFrame(
        {
            "layer": [attribution.layer or attribution.method for attribution in attributions],
            "mean": [float(layer_map.mean()) for layer_map in maps],
            "max": [float(layer_map.max()) for layer_map in maps],
        }
    )


def layer_profile_chart(
    profile: pd.DataFrame | Sequence[Attribution], title: str = "Evidence by layer", unit: str = "Evidence"
) -> alt.Chart:
    """Mean and largest evidence at every layer, in the order given.

    Args:
        profile: columns layer, mean, max; or the attributions that `layer_profile_table` makes them from.
        unit: title of the vertical axis.
    """
    table = profile if isinstance(profile, pd.DataFrame) else layer_profile_table(profile)
    order = list(dict.fromkeys(table["layer"]))
    long = table.melt("layer", ["mean", "max"], var_name="statistic", value_name="evidence")
    chart: alt.Chart = (
        alt.Chart(long)
        .mark_line(point=True)
        .encode(
            x=alt.X("layer:N", sort=order, title="Layer", axis=alt.Axis(labelAngle=STEEP, labelLimit=LABELS)),
            y=alt.Y("evidence:Q", title=unit, axis=plain()),
            color=alt.Color("statistic:N", sort=["mean", "max"], title="Over the map"),
            strokeDash=alt.StrokeDash("statistic:N", sort=["mean", "max"], title="Over the map"),
            tooltip=[
                alt.Tooltip("layer:N", title="Layer"),
                alt.Tooltip("statistic:N", title="Over the map"),
                tooltip("evidence", unit),
            ],
        )
        .properties(**frame(HEIGHT, title))
    )
    return chart


def completeness_table(completeness: Completeness, row: int = 0) -> pd.DataFrame:
    """Columns: quantity, score; the sum of the map of input `row`, and the change of the score it should equal."""
    return pd.DataFrame(
        {
            "quantity": ["Sum of the map", "Change of the score"],
            "score": [float(completeness.total[row]), float(completeness.expected[row])],
        }
    )


def completeness_chart(completeness: Completeness, row: int = 0, title: str = "Completeness") -> alt.Chart:
    """The two numbers that a complete method makes equal, one bar each; the axis names the gap between them."""
    gap, relative = float(completeness.gap[row]), float(completeness.relative[row])
    chart: alt.Chart = (
        alt.Chart(completeness_table(completeness, row))
        .mark_bar()
        .encode(
            x=alt.X("score:Q", title=f"Score · gap {gap:+.3g}, {relative:.1%} of the change", axis=plain()),
            y=alt.Y("quantity:N", sort=None, title=None, axis=names()),
            tooltip=[alt.Tooltip("quantity:N", title="Quantity"), tooltip("score", "Score")],
        )
        .properties(**frame(bars_height(2), title))
    )
    return chart
