"""Where the evidence is known to lie: in a drawn scene, in a box, or in a mask from a file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

import explainers as ex
from explainers.render.charts.trust import BOX, box_chart
from explainers.render.encoding import encode_png
from pages.common.app import session
from pages.common.app.address import bound
from pages.common.app.follow_default import follow_default
from pages.common.app.images import in_place
from pages.common.app.selection import Selection
from pages.common.sidebar.uploads import LARGEST, PICTURES, Upload

OWN = "the part that is explained"
UNKNOWN = "unknown"
BOXED = "a box"
MASKED = "a mask from a file"
SHOWN = 300  # px
EDGES = ("left", "top", "right", "bottom")


@dataclass(frozen=True, eq=False)
class Truth:
    """Where the evidence is known to lie.

    Attributes:
        mask: in the frame of the model's input, (H, W) bool.
        code: the Python that makes what `ex.verify` takes for it.
    """

    mask: np.ndarray
    code: str


def truth_form(selection: Selection, attribution: ex.Attribution) -> Truth | None:
    """Choose where the evidence is known to lie; None where it is not."""
    drawn = selection.regions()
    choices = [*([OWN, *drawn] if drawn else []), UNKNOWN, BOXED, MASKED]
    how = bound(
        st.selectbox, "The evidence is known to lie in", choices,
        key="truth_of_scene" if drawn else "truth",
        help="Where this is known, the map is scored against it. Of drawn scenes every sign's pixels are known.",
    )  # fmt: skip
    if how == BOXED:
        return _box(selection, attribution)
    if how == MASKED:
        return _mask(selection)
    name = attribution.target.describe(selection.model.labels) if how == OWN else how
    if name not in drawn:
        if how == OWN:
            st.caption(f"The scene has no part called {name}, so there is no truth to score this map against.")
        return None
    code = f'ex.truth_mask(model, ex.sample("{selection.key[1]}").regions()[{name!r}])'
    return Truth(np.asarray(ex.truth_mask(selection.model, drawn[name])), code)


def _box(selection: Selection, attribution: ex.Attribution) -> Truth:
    """A box dragged on the picture, or typed; both are the same four numbers."""
    height, width = attribution.inputs.shape[-2:]
    limits = dict(zip(EDGES, (width, height, width, height), strict=True))
    start = dict(zip(EDGES, (width // 4, height // 4, 3 * width // 4, 3 * height // 4), strict=True))
    columns = st.columns(4)
    edges = [
        int(bound(
            column.number_input, edge.capitalize(), 0, limits[edge], start[edge], 1, key=follow_default(f"truth_{edge}", start[edge]),
            help="Pixels of the model's input.",
        ))
        for column, edge in zip(columns, EDGES, strict=True)
    ]  # fmt: skip
    left, top, right, bottom = edges
    st.altair_chart(
        box_chart(in_place(encode_png(selection.enlarged(SHOWN))), (height, width), (left, top, right, bottom)),
        key="_truth_box", on_select=_take_box, selection_mode=BOX, width="content", alt="The picture, to drag a box on",
    )  # fmt: skip
    st.caption("Drag a box over the picture, or type its edges.")
    if left >= right or top >= bottom:
        raise ex.VitrineError(
            f"The box has no inside: left {left} must be less than right {right}, and top {top} less than bottom {bottom}."
        )
    mask = np.zeros((height, width), dtype=np.bool_)
    mask[top:bottom, left:right] = True
    return Truth(mask, repr(edges))


def _take_box() -> None:
    """Callback of the picture: the box that was dragged becomes the four numbers."""
    event = session.widget_value("_truth_box")
    dragged = event["selection"].get(BOX, {})
    if "x" not in dragged or "y" not in dragged:
        return
    for axis, edges in (("x", ("left", "right")), ("y", ("top", "bottom"))):
        for edge, value in zip(edges, sorted(dragged[axis]), strict=True):
            session.set_widget(f"truth_{edge}", max(0, round(value)))


def _mask(selection: Selection) -> Truth | None:
    file = st.file_uploader(
        "A picture of the same size, white where the evidence lies", PICTURES, key="_truth_file",
        help="It is cut and scaled as the picture is.", max_upload_size=LARGEST,
    )  # fmt: skip
    if file is None:
        return None
    mask = np.asarray(ex.truth_mask(selection.model, Upload.of(file.name, file.getvalue()).picture()))
    return Truth(mask, f"ex.truth_mask(model, ex.read_image({file.name!r}))")
