"""The result panel: a picture with its colour bar, its numbers, its downloads and the code behind it."""

from __future__ import annotations

import dataclasses
import io
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import streamlit as st

import explainers as ex
from explainers.render.colormaps import COLORMAPS
from explainers.render.colour_bar import colour_bar_html
from explainers.render.encoding import encode_photo, encode_png
from explainers.render.outlines import outlined
from explainers.render.overlay import Scale, figure, overlay
from pages.common.app import session
from pages.common.app.caches import result_cache
from pages.common.app.images import show_picture
from pages.common.app.selection import Selection, short_hash
from pages.common.result.verdict import verdict_panel

WIDTH = 560  # px of a rendered picture: sharp on a projector, small on the wire


FOLDS: dict[str, ex.Reduce] = {
    "sum": "sum",
    "sum of absolute": "abs",
    "largest absolute": "max-abs",
    "Euclidean norm": "l2",
}


@dataclass(frozen=True)
class View:
    """How a map is shown; nothing of it changes the numbers.

    Attributes:
        fold: how channels become one number.
        limit: the largest value of the colour bar; None fits each map's own values.
    """

    colormap: str
    opacity: float
    fold: ex.Reduce = "sum"
    limit: float | None = None

    def maps(self, result: ex.Attribution, size: tuple[int, int] | None = None) -> np.ndarray:
        """The maps (N, H, W) as they are shown."""
        maps: np.ndarray = result.heatmap(size, self.fold).numpy()
        return maps

    def scale(self, result: ex.Attribution) -> Scale:
        """The colour bar of one result: symmetric round zero where values are signed."""
        signed = result.signed and self.fold == "sum"
        if self.limit is not None:
            return Scale(-self.limit if signed else 0.0, self.limit, "diverging" if signed else "sequential")
        return Scale.of(self.maps(result), signed=signed, percentile=result.percentile)


def view_form(key: str, signed: bool) -> View:
    """Choose how maps are shown.

    Args:
        key: prefix of the widgets' keys.
        signed: whether the method's values have a sign and channels to fold.
    """
    fold: ex.Reduce = "sum"
    if signed:
        view = st.segmented_control(
            "View", ["signed", "absolute"], default="signed", required=True, key=f"{key}_view", bind="query-params",
            help="Signed keeps evidence for and against apart; absolute shows how much either way.",
        )  # fmt: skip
        if view == "absolute":
            names = [name for name in FOLDS if name != "sum"]
            fold = FOLDS[st.selectbox("Channels folded by", names, key=f"{key}_fold", bind="query-params")]
    kind = "diverging" if signed and fold == "sum" else "sequential"
    names = [name for name, colormap in COLORMAPS.items() if colormap.kind == kind]
    # One key per kind: a sequential choice must not be carried to signed maps.
    colormap = st.selectbox(
        "Colours",
        names,
        key=f"{key}_{kind}_colours",
        bind="query-params",
        help="All can be told apart by the colour-blind.",
    )
    opacity = st.slider("Opacity", 0.0, 1.0, 0.6, 0.05, key=f"{key}_opacity", bind="query-params")
    fixed = st.toggle(
        "Fixed scale", key=f"{key}_fixed", bind="query-params", on_change=_take_own_limit, args=(key,),
        help="The same colours mean the same numbers in every picture, so that maps can be compared.",
    )  # fmt: skip
    # Always there, for what is given to a control before it is first drawn does not get into the address.
    limit = st.number_input(
        "Largest value", min_value=1e-12, value=None, step=0.1, format="%.4g", key=f"{key}_limit", bind="query-params",
        placeholder="the map's own", disabled=not fixed,
    )  # fmt: skip
    return View(colormap, opacity, fold, limit if fixed else None)


def _take_own_limit(key: str) -> None:
    """Callback of the fixed scale: it begins with that of the map on the page, and leaves nothing behind."""
    fixed = session.widget_value(f"{key}_fixed")
    session.set_widget(f"{key}_limit", session.OWN_LIMIT.get() if fixed else None)


def picture(
    selection: Selection,
    result: ex.Attribution,
    view: View,
    caption: str,
    width: int = WIDTH,
    keep: bool = True,
) -> Scale:
    """The overlay and its colour bar; `keep` it for the next look unless the map is still in the making."""
    scale = view.scale(result)
    name = (
        "picture",
        *selection.key,
        result.method,
        result.layer,
        repr(sorted(result.options.items())),
        result.share,
        repr(view),
        width,
    )

    def render() -> bytes:
        return encode_photo(
            overlay(selection.enlarged(width), view.maps(result)[0], scale, view.colormap, view.opacity)
        )

    show_picture(result_cache().get(name, render) if keep else render(), alt=f"Heat map. {caption}")
    large = width == WIDTH
    unit = ex.find_method(result.method).unit if large else ""
    st.html(colour_bar_html(scale, view.colormap, unit, ticks=5 if large else 3))
    st.caption(caption)
    return scale


def original(selection: Selection) -> None:
    """The picture as the model sees it."""
    key = ("original", selection.key[1], selection.model.fingerprint)
    drawn = result_cache().get(key, lambda: encode_photo(selection.enlarged(WIDTH)))
    show_picture(drawn, alt="The picture as the model sees it")


def explanation_panel(
    selection: Selection,
    result: ex.Attribution,
    view: View,
    code: str,
    title: str,
) -> None:
    """One explanation, whole: input beside overlay, the numbers, downloads and the code."""
    place = f" at {result.layer}" if result.layer else ""
    target = result.target.describe(selection.model.labels)
    words = f"The map highlights {ex.find_method(result.method).highlights.format(target=target)}{place}."
    left, right = st.columns(2)
    with left:
        original(selection)
        st.caption("The picture as the model sees it")
    with right:
        scale = picture(selection, result, view, words)
    if view.limit is None:
        session.OWN_LIMIT.set(float(f"{scale.high:.4g}"))
    _numbers(result)
    verdict_panel(selection, result)
    _downloads(selection, result, view, scale, title)
    map_table(result, view)
    with st.expander("The code that makes this", icon=":material/code:"):
        st.code(code, language="python")


def map_table(result: ex.Attribution, view: View) -> None:
    """The map's numbers, strongest first, at its own resolution."""
    with st.expander("Numbers as a table", icon=":material/table:"):
        own = (result.values.shape[-2], result.values.shape[-1])
        table = strongest(view.maps(result, own)[0], 500)
        st.caption(
            f"{own[0]} × {own[1]} cells at the map's own resolution; the {len(table)} strongest, rows and columns from 0."
        )
        st.dataframe(table, hide_index=True, height=240, alt="Values of the map, strongest first")


def strongest(values: np.ndarray, count: int) -> pd.DataFrame:
    """The largest absolute values of a map (h, w) with their places."""
    order = np.argsort(-np.abs(values), axis=None)[:count]
    rows, columns = np.unravel_index(order, values.shape)
    return pd.DataFrame({"row": rows, "column": columns, "value": values[rows, columns]})


def _numbers(result: ex.Attribution) -> None:
    numbers = st.columns(4 + (result.completeness is not None) + (result.reliability is not None))
    numbers[0].metric(
        "Score",
        f"{result.score[0]:.3f}",
        help="Of the target: a logit before softmax, a difference of two, or what a channel puts out.",
    )
    numbers[1].metric("Largest value", f"{result.values[0].max():.2g}", help="In the map, before channels are folded.")
    passes = f"{result.cost.forward} + {result.cost.backward}"
    in_half = f"; {result.cost.half} of them in half the bits" if result.cost.half else ""
    numbers[2].metric("Passes", passes, help=f"Forward and backward passes through the network{in_half}.")
    numbers[3].metric("Time", f"{result.cost.seconds:.2f} s", help="In the network, when this was computed.")
    if result.reliability is not None:
        numbers[-1].metric(
            "Reliability",
            f"{result.reliability:.2f}",
            help="Share of the map's variation from place to place that is not sampling noise: about the correlation to "
            "expect with a map from other draws.",
        )
    if result.completeness is not None:
        gap = result.completeness
        numbers[4].metric(
            "Gap",
            f"{gap.gap[0]:+.1g}",
            help=f"The map sums to {gap.total[0]:.4g}; the score rose by {gap.expected[0]:.4g} from the baseline. "
            "The method promises that the two are equal.",
        )


def certainty(selection: Selection, result: ex.Attribution, view: View) -> None:
    """The standard error of a sampled map, as a picture beside what it means."""
    if result.error is None:
        return
    st.subheader("How sure is the map?")
    errors = dataclasses.replace(
        result, values=result.error, signed=False, error=None, options=result.options | {"shown": "error"}
    )
    left, right = st.columns(2)
    with left:
        picture(selection, errors, View("viridis", view.opacity), "Standard error of every value.")
    with right:
        st.markdown(
            f"The map is made from random draws. Its values range from {result.values[0].min():.3g} to "
            f"{result.values[0].max():.3g}; their standard error is {result.error[0].median():.2g} in the middle and at most "
            f"{result.error[0].max():.2g}. Differences smaller than two standard errors may be chance. Four times the samples "
            "halve the error."
        )


def regions_picture(selection: Selection, method: ex.Method, options: dict[str, Any]) -> None:
    """The regions that a method hides as one, drawn on the picture."""
    fields = method.options.model_fields
    if "segments" not in fields:
        return
    segments = options.get("segments", fields["segments"].default).value
    count = options.get("regions", fields["regions"].default)
    key = ("regions", selection.key[1], selection.model.fingerprint, segments, count)
    regions = result_cache().get(key, lambda: ex.regions(selection.model, selection.image, segments, count).numpy())
    drawn = result_cache().get((*key, "drawn"), lambda: encode_photo(outlined(selection.enlarged(WIDTH), regions)))
    show_picture(drawn, alt="The picture with the borders of its regions")
    st.caption(f"The {regions.max() + 1} regions that are hidden or shown as one.")


def figure_png(selection: Selection, result: ex.Attribution, view: View, scale: Scale, title: str) -> bytes:
    """The picture beside its map, to hand on: with a title, a colour bar with its unit, and what was explained."""
    caption = f"{selection.model.name}: {result.target.describe(selection.model.labels)}, score {result.score[0]:.3f}"
    drawn = figure(
        selection.enlarged(WIDTH), view.maps(result)[0], scale, view.colormap, view.opacity,
        title=title, caption=caption, unit=ex.find_method(result.method).unit,
    )  # fmt: skip
    return encode_png(drawn)


def _downloads(selection: Selection, result: ex.Attribution, view: View, scale: Scale, title: str) -> None:
    name = f"vitrine-{result.method}-{short_hash(selection.key, result.layer, result.options)}"

    def npy() -> bytes:
        buffer = io.BytesIO()
        np.save(buffer, result.values.numpy())
        return buffer.getvalue()

    def csv() -> str:
        own = (result.values.shape[-2], result.values.shape[-1])
        return pd.DataFrame(view.maps(result, own)[0]).to_csv(index_label="row")

    kinds: tuple[tuple[Literal["PNG", "NPY", "CSV"], object, str, str], ...] = (
        (
            "PNG",
            lambda: figure_png(selection, result, view, scale, title),
            "image/png",
            "The picture with its colour bar",
        ),
        ("NPY", npy, "application/octet-stream", "The raw array for NumPy"),
        ("CSV", csv, "text/csv", "The map as a table, at its own resolution"),
    )
    with st.container(horizontal=True):
        for kind, make, mime, words in kinds:
            st.download_button(
                kind, make, f"{name}.{kind.lower()}", mime, help=words, icon=":material/download:", on_click="ignore",
                key=f"download_{name}_{kind}",
            )  # fmt: skip
