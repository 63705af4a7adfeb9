"""A result to take away: as a picture, as an array, as a table."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Literal

import numpy as np
import pandas as pd
import streamlit as st

import explainers as ex
from explainers.render.encoding import encode_png
from explainers.render.figure import figure
from explainers.render.scale import Scale
from pages.common.app.selection import Selection, short_hash
from pages.common.result.pictures import WIDTH
from pages.common.result.view import View


def figure_png(selection: Selection, attribution: ex.Attribution, view: View, scale: Scale, title: str) -> bytes:
    """The picture beside its map, to hand on: with a title, a colour bar with its unit, and what was explained."""
    caption = f"{selection.model.name}: {attribution.target.describe(selection.model.labels)}, score {attribution.score[0]:.3f}"
    drawn = figure(
        selection.enlarged(WIDTH), view.maps(attribution)[0], scale, view.colormap, view.opacity,
        title=title, caption=caption, unit=ex.find_method(attribution.method).unit,
    )  # fmt: skip
    return encode_png(drawn)


def downloads(selection: Selection, attribution: ex.Attribution, view: View, scale: Scale, title: str) -> None:
    """Buttons for the picture, the raw array and the table of one result."""
    name = f"vitrine-{attribution.method}-{short_hash(selection.key, attribution.layer, attribution.options)}"

    def npy() -> bytes:
        buffer = io.BytesIO()
        np.save(buffer, attribution.values.numpy())
        return buffer.getvalue()

    def csv() -> str:
        own = (attribution.values.shape[-2], attribution.values.shape[-1])
        return pd.DataFrame(view.maps(attribution, own)[0]).to_csv(index_label="row")

    kinds: tuple[tuple[Literal["PNG", "NPY", "CSV"], Callable[[], bytes | str], str, str], ...] = (
        (
            "PNG",
            lambda: figure_png(selection, attribution, view, scale, title),
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
