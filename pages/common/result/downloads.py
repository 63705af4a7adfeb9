"""A result to take away: as a picture, as the map alone, as an array, as a table; each says what it is."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st

import explainers as ex
from explainers.render.encoding import encode_png
from explainers.render.figure import figure
from explainers.render.overlay import overlay
from explainers.render.provenance import Provenance
from explainers.render.scale import Scale
from pages.common.app.selection import Selection, short_hash
from pages.common.result.origin import origin
from pages.common.result.pictures import WIDTH
from pages.common.result.view import View

Region = npt.NDArray[np.bool_] | None
"""A part of the picture (h, w) that is outlined."""


def figure_png(
    selection: Selection,
    attribution: ex.Attribution,
    view: View,
    scale: Scale,
    title: str,
    about: Provenance,
    region: Region = None,
) -> bytes:
    """The picture beside its map, to hand on: with a title, a colour bar with its unit, and where it comes from."""
    drawn = figure(
        selection.enlarged(WIDTH), view.map(attribution), scale, view.style,
        title=title, caption="\n".join(about.lines()), unit=ex.find_method(attribution.method).unit, region=region,
    )  # fmt: skip
    return encode_png(drawn, about.metadata() | {"Title": title})


def overlay_png(
    selection: Selection,
    attribution: ex.Attribution,
    view: View,
    scale: Scale,
    about: Provenance,
    region: Region = None,
) -> bytes:
    """The map over its picture and nothing else; where it comes from stands in the file."""
    drawn = overlay(selection.enlarged(WIDTH), view.map(attribution), scale, view.style, region)
    return encode_png(drawn, about.metadata())


def downloads(
    selection: Selection,
    attribution: ex.Attribution,
    view: View,
    scale: Scale,
    title: str,
    verdict: str = "",
    region: Region = None,
) -> None:
    """One menu with the picture, the map alone, the raw array and the table of one result.

    Args:
        verdict: how far the map can be trusted, in words, for the pictures.
        region: as it is outlined on the page.
    """
    about = origin(selection, attribution, verdict)
    stem = re.sub(r"\W+", "-", about.picture.rsplit(".", 1)[0]).strip("-").lower()
    name = "-".join(filter(None, ("vitrine", stem, attribution.method, attribution.layer)))
    key = short_hash(selection.key, attribution.method, attribution.layer, attribution.options)

    def npy() -> bytes:
        buffer = io.BytesIO()
        np.save(buffer, attribution.values.numpy())
        return buffer.getvalue()

    def csv() -> str:
        return pd.DataFrame(view.map(attribution)).to_csv(index_label="row")

    def whole() -> bytes:
        return figure_png(selection, attribution, view, scale, title, about, region)

    def alone() -> bytes:
        return overlay_png(selection, attribution, view, scale, about, region)

    files: tuple[tuple[str, Callable[[], bytes | str], str, str, str], ...] = (
        ("Picture, map and words (PNG)", whole, f"{name}.png", "image/png", "With colour bar, caption and link"),
        ("Map over the picture (PNG)", alone, f"{name}-overlay.png", "image/png", "What it is stands in the file"),
        ("Array (NPY)", npy, f"{name}.npy", "application/octet-stream", "The raw values for NumPy"),
        ("Table (CSV)", csv, f"{name}.csv", "text/csv", "The map at its own resolution"),
    )
    with st.popover("Download", icon=":material/download:"):
        for label, make, file_name, mime, words in files:
            st.download_button(
                label,
                make,
                file_name,
                mime,
                help=words,
                on_click="ignore",
                width="stretch",
                key=f"download_{key}_{label}",
            )
