"""Charts of weights, in Altair: one tensor after another in network order, one spectrum, two checkpoints.

The tables have a row per tensor. Beside what a chart draws, whichever of the columns in TOOLTIP_COLUMNS it has are shown on hover."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from explainers.core.errors import VitrineError
from explainers.render.charts._parts import HEIGHT, LABELS, STEEP, WORDS, frame, plain, tooltip

MEASURES: Final = {
    "mean": "Mean",
    "std": "Standard deviation",
    "min": "Smallest weight",
    "max": "Largest weight",
    "l1": "L1 norm",
    "l2": "L2 norm",
    "sparsity": "Share of zeros",
    "dead_filters": "Dead filters",
    "near_duplicate_filters": "Near-duplicate filters",
    "spectral_norm": "Largest singular value",
    "stable_rank": "Stable rank",
    "alpha": "Power-law exponent α",
}
"""Columns that can be drawn, and their titles."""

TOOLTIP_COLUMNS: Final = {
    "kind": "Kind",
    "shape": "Shape",
    "count": "Weights",
    **MEASURES,
    "nan": "NaN",
    "inf": "Infinite",
}
"""Columns shown on hover, and their titles."""

PANEL: Final = 110
"""Height of one measure's panel among several, in pixels."""

CHANGES: Final = (0, 0.001, 0.01, 0.1, 1, 10, 100)
"""Ticks of the axis of relative change."""


def weights_overview_chart(
    table: pd.DataFrame,
    measures: str | Sequence[str] = ("std", "sparsity", "l2", "alpha"),
    title: str = "Weights by layer",
) -> alt.VConcatChart:
    """One panel per measure, one point per tensor, in network order from left to right.

    Args:
        table: columns tensor and `measures`; a missing value, such as the exponent of a bias, leaves a gap.
        measures: one or several keys of MEASURES.

    Raises:
        VitrineError: a measure is not in the table.
    """
    measures = [measures] if isinstance(measures, str) else list(measures)
    absent = [name for name in measures if name not in MEASURES or name not in table]
    if absent or not measures:
        known = ", ".join(name for name in MEASURES if name in table)
        raise VitrineError(f"The table of weights has no measure {', '.join(absent)!r}; choose among {known}.")
    whole, foot = _drawable(table), f"Tensor, in network order{_not_finite_note(table)}"
    height = PANEL if len(measures) > 1 else HEIGHT
    panels = [_panel(whole, measure, height, foot if measure == measures[-1] else None) for measure in measures]
    return alt.vconcat(
        *panels, spacing=12, config=alt.Config(**cast(Any, WORDS)), **({"title": title} if title else {})
    )


def _panel(table: pd.DataFrame, measure: str, height: int, foot: str | None) -> alt.Chart:
    chart: alt.Chart = (
        alt.Chart(table)
        .mark_point(filled=True, size=45, opacity=1)
        .encode(
            x=_tensor_axis(table, foot),
            y=alt.Y(f"{measure}:Q", title=MEASURES[measure], axis=plain(tickCount=4)),
            tooltip=_tooltips(table),
            **_by_kind(table),
            **({"shape": alt.Shape("kind:N", title="Kind of layer")} if "kind" in table else {}),
        )
        .properties(height=height, width="container")
    )
    return chart


def spectrum_table(singular_values: npt.ArrayLike) -> pd.DataFrame:
    """Columns: rank, singular value, eigenvalue (its square), share (of eigenvalues at least as large); largest first.

    Zeros, and what is not finite, have no place on a logarithmic axis and are left out.
    """
    values = np.asarray(singular_values, np.float64).ravel()
    values = np.sort(values[np.isfinite(values) & (values > 0)])[::-1]
    rank = np.arange(1, len(values) + 1)
    return pd.DataFrame({"rank": rank, "singular_value": values, "eigenvalue": values**2, "share": rank / len(values)})


def spectrum_chart(
    singular_values: npt.ArrayLike,
    alpha: float | None = None,
    tail_start: float | None = None,
    title: str = "Spectrum of the weights",
) -> alt.LayerChart:
    """Share of the eigenvalues of W W^T at least as large as each, on logarithmic axes, with the power law fitted.

    A power law, density ~ eigenvalue^-alpha from `tail_start` on, is a straight line of slope 1 - alpha here.

    Args:
        singular_values: of the weights W as a matrix, in any order.
        alpha, tail_start: the fitted exponent, and the eigenvalue its tail starts from; None draws no line.
    """
    table = spectrum_table(singular_values)
    line = _power_law(table, alpha, tail_start)
    fit = f"power law, α = {alpha:.2f}" if len(line) else ""
    log, axis = alt.Scale(type="log", nice=False), plain(grid=False, tickCount=6)
    place = {
        "x": alt.X("eigenvalue:Q", title="Eigenvalue (singular value squared)", axis=axis, scale=log),
        "y": alt.Y("share:Q", title="Share at least as large", axis=axis, scale=log),
        "color": alt.Color("what:N", sort=["measured", fit], title="Spectrum"),
    }
    tooltips = [tooltip("eigenvalue", "Eigenvalue"), tooltip("share", "Share at least as large")]
    ranked = [tooltip("rank", "Rank"), tooltip("singular_value", "Singular value"), *tooltips]
    points = (
        alt.Chart(table.assign(what="measured"))
        .mark_point(filled=True, size=24, opacity=1)
        .encode(**place, tooltip=ranked)
    )
    fitted = alt.Chart(line.assign(what=fit)).mark_line(strokeDash=[6, 4]).encode(**place, tooltip=tooltips)
    layered = alt.LayerChart(layer=[points, fitted] if len(line) else [points])
    return layered.properties(**frame(HEIGHT, title))


def _power_law(table: pd.DataFrame, alpha: float | None, tail_start: float | None) -> pd.DataFrame:
    """The fitted line, columns eigenvalue and share; empty without a fit."""
    tail = table[table["eigenvalue"] >= (tail_start or np.inf)]
    if alpha is None or not np.isfinite(alpha) or tail_start is None or tail.empty:
        return pd.DataFrame({"eigenvalue": [], "share": []})
    x = np.geomspace(tail_start, float(tail["eigenvalue"].max()), 20)
    return pd.DataFrame({"eigenvalue": x, "share": len(tail) / len(table) * (x / tail_start) ** (1 - alpha)})


def compare_chart(table: pd.DataFrame, title: str = "Change between two checkpoints") -> alt.Chart:
    """How far every tensor moved, in network order.

    Args:
        table: columns tensor, relative_change: the norm of the difference over the norm of the first, 0.1 for a tenth.
    """
    whole = _drawable(table)
    axis = alt.Axis(values=list(CHANGES), format=".1~%")
    change = alt.Tooltip("relative_change:Q", title="Relative change", format=".3~%")
    chart: alt.Chart = (
        alt.Chart(whole)
        .mark_bar()
        .encode(
            x=_tensor_axis(whole, "Tensor, in network order"),
            # Symmetric-log, as fine-tuning moves a new head a thousand times farther than the first layers.
            y=alt.Y(
                "relative_change:Q", title="Relative change", axis=axis, scale=alt.Scale(type="symlog", constant=0.001)
            ),
            tooltip=[*_tooltips(whole), change],
            **_by_kind(whole),
        )
        .properties(**frame(HEIGHT, title))
    )
    return chart


def _drawable(table: pd.DataFrame) -> pd.DataFrame:
    """What a chart can hold: shapes in words, infinite measures as gaps."""
    whole = table.copy()
    if "shape" in whole:
        whole["shape"] = [" × ".join(map(str, s)) if isinstance(s, tuple | list) else str(s) for s in whole["shape"]]
    numeric = whole.select_dtypes("number").columns
    return whole.assign(**{name: whole[name].replace([np.inf, -np.inf], np.nan) for name in numeric})


def _not_finite_note(table: pd.DataFrame) -> str:
    """A note on tensors with NaN or infinite weights: the points would hide them, as their measures may be gaps."""
    counts = table.reindex(columns=["nan", "inf"], fill_value=0).fillna(0).sum(axis=1)
    names = table.loc[counts > 0, "tensor"].astype(str).tolist()
    if not names:
        return ""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f" · NaN or infinite weights in {', '.join(names[:3])}{more}"


def _tensor_axis(table: pd.DataFrame, title: str | None) -> alt.X:
    """Every tensor its place, also where its value is missing; without a title there are no names either."""
    axis = alt.Axis(labelAngle=STEEP, labelLimit=LABELS) if title else alt.Axis(labels=False)
    order = [str(name) for name in table["tensor"]]
    return alt.X("tensor:N", sort=order, title=title, axis=axis, scale=alt.Scale(domain=order))


def _by_kind(table: pd.DataFrame) -> dict[str, Any]:
    return {"color": alt.Color("kind:N", title="Kind of layer")} if "kind" in table else {}


def _tooltips(table: pd.DataFrame) -> list[alt.Tooltip]:
    tooltips = [alt.Tooltip("tensor:N", title="Tensor")]
    for column, title in TOOLTIP_COLUMNS.items():
        if column in table and column in ("kind", "shape"):
            tooltips.append(alt.Tooltip(f"{column}:N", title=title))
        elif column in table:
            tooltips.append(alt.Tooltip(f"{column}:Q", title=title, format=",.4~g"))
    return tooltips
