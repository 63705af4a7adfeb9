"""How maps are shown: colours, opacity, how channels are folded, and the scale of the colour bar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

import explainers as ex
from explainers.core.attribution import Reduce
from explainers.render.colormaps import COLORMAPS
from explainers.render.scale import Scale, own_maps
from explainers.render.style import OPACITY, SHOWN, Shown, Style
from pages.common.app import session
from pages.common.app.address import bound

FOLDS: dict[str, Reduce] = {
    "sum": "sum",
    "sum of absolute": "abs",
    "largest absolute": "max-abs",
    "Euclidean norm": "l2",
}


@dataclass(frozen=True)
class View:
    """How a map is shown; nothing of it changes the numbers.

    Attributes:
        colormap: "" takes the default of each map's scale.
        fold: how channels become one number.
        limit: the largest value of the colour bar; None fits each map's own values.
        shown, grey: as of a style.
    """

    colormap: str = ""
    opacity: float = OPACITY
    fold: Reduce = "sum"
    limit: float | None = None
    shown: Shown = "overlay"
    grey: bool = False

    @property
    def style(self) -> Style:
        """How it is drawn."""
        return Style(self.colormap or None, self.opacity, self.shown, self.grey)

    def maps(self, attribution: ex.Attribution, size: tuple[int, int] | None = None) -> np.ndarray:
        """The maps (N, H, W) as they are shown."""
        maps: np.ndarray = attribution.heatmap(size, self.fold).numpy()
        return maps

    def map(self, attribution: ex.Attribution) -> np.ndarray:
        """The first map (h, w) at its own resolution: what is drawn, read under the cursor and measured by the colour bar."""
        values: np.ndarray = own_maps(attribution, self.fold)[0].numpy()
        return values

    def largest(self, attribution: ex.Attribution) -> float:
        """The largest value of the map as it is shown, of either sign where it has two; nan if none is finite.

        The colour bar ends there, or says that values go beyond its end.
        """
        values = self.map(attribution)
        finite = values[np.isfinite(values)]
        if not finite.size:
            return float("nan")
        least, largest = float(finite.min()), float(finite.max())
        return least if self.signed(attribution) and -least > largest else largest

    def signed(self, attribution: ex.Attribution) -> bool:
        """Whether the map has two signs as it is shown."""
        return attribution.signed and self.fold == "sum"

    def scale(self, attribution: ex.Attribution) -> Scale:
        """The colour bar of one result: symmetric round zero where values are signed."""
        signed = self.signed(attribution)
        if self.limit is not None:
            return Scale(-self.limit if signed else 0.0, self.limit, "diverging" if signed else "sequential")
        return Scale.of_attribution(attribution, self.fold)


def view_form(key: str, signed: bool) -> View:
    """Choose how maps are shown.

    Args:
        key: prefix of the widgets' keys.
        signed: whether the method's values have a sign and channels to fold.
    """
    fold: Reduce = "sum"
    if signed:
        view = bound(
            st.segmented_control, "View", ["signed", "absolute"], default="signed", required=True, key=f"{key}_view",
            help="Signed keeps evidence for and against apart; absolute shows how much either way.",
        )  # fmt: skip
        if view == "absolute":
            names = [name for name in FOLDS if name != "sum"]
            fold = FOLDS[bound(st.selectbox, "Channels folded by", names, key=f"{key}_fold")]
    shown = bound(
        st.segmented_control, "Shown as", SHOWN, default=SHOWN[0], required=True, key=f"{key}_shown", wrap=True,
        help="Overlay: the stronger a value, the more its colour covers. Contours: lines at 25, 50 and 75 % of the scale, for print "
        "and for the colour-blind. Veil: colours cover all of the picture alike.",
    )  # fmt: skip
    grey = bound(
        st.toggle, "Picture in grey", key=f"{key}_grey", help="So that all colour is the map's.",
    )  # fmt: skip
    kind = "diverging" if signed and fold == "sum" else "sequential"
    names = [name for name, colormap in COLORMAPS.items() if colormap.kind == kind]
    # One key per kind: a sequential choice must not be carried to signed maps.
    colormap = bound(
        st.selectbox,
        "Colours",
        names,
        key=f"{key}_{kind}_colours",
        help="All can be told apart by the colour-blind; the first of them best, on dark and on bright pictures.",
    )
    opacity = bound(st.slider, "Opacity", 0.0, 1.0, OPACITY, 0.05, key=f"{key}_opacity")
    fixed = bound(
        st.toggle, "Fixed scale", key=f"{key}_fixed", on_change=_take_own_limit, args=(key,),
        help="The same colours mean the same numbers in every picture, so that maps can be compared.",
    )  # fmt: skip
    # Always there, for what is given to a control before it is first drawn does not get into the address.
    limit = bound(
        st.number_input, "Largest value", min_value=1e-12, value=None, step=0.1, format="%.4g", key=f"{key}_limit",
        placeholder="the map's own", disabled=not fixed,
    )  # fmt: skip
    return View(colormap, opacity, fold, limit if fixed else None, shown, grey)


def _take_own_limit(key: str) -> None:
    """Callback of the fixed scale: it begins with that of the map on the page, and leaves nothing behind."""
    fixed = session.widget_value(f"{key}_fixed")
    session.set_widget(f"{key}_limit", session.OWN_LIMIT.get() if fixed else None)
