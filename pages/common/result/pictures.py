"""The pictures of a result: the input, the map over it, and the regions that a method hides."""

from __future__ import annotations

from typing import Any

import streamlit as st

import explainers as ex
from explainers.render.colour_bar import colour_bar_html
from explainers.render.encoding import encode_photo
from explainers.render.outlines import outlined
from explainers.render.overlay import overlay
from explainers.render.scale import Scale
from pages.common.app.caches import result_cache
from pages.common.app.images import show_picture
from pages.common.app.selection import Selection
from pages.common.result.view import View

WIDTH = 560  # px of a rendered picture: sharp on a projector, small on the wire


def picture(
    selection: Selection,
    attribution: ex.Attribution,
    view: View,
    caption: str,
    width: int = WIDTH,
    keep: bool = True,
) -> Scale:
    """The overlay and its colour bar; `keep` it for the next look unless the map is still in the making."""
    scale = view.scale(attribution)
    name = (
        "picture",
        *selection.key,
        attribution.method,
        attribution.layer,
        repr(sorted(attribution.options.items())),
        attribution.share,
        repr(view),
        width,
    )

    def render() -> bytes:
        return encode_photo(
            overlay(selection.enlarged(width), view.maps(attribution)[0], scale, view.colormap, view.opacity)
        )

    show_picture(result_cache().get(name, render) if keep else render(), alt=f"Heat map. {caption}")
    large = width == WIDTH
    unit = ex.find_method(attribution.method).unit if large else ""
    st.html(colour_bar_html(scale, view.colormap, unit, ticks=5 if large else 3))
    st.caption(caption)
    return scale


def original(selection: Selection) -> None:
    """The picture as the model sees it."""
    key = ("original", selection.key[1], selection.model.fingerprint)
    drawn = result_cache().get(key, lambda: encode_photo(selection.enlarged(WIDTH)))
    show_picture(drawn, alt="The picture as the model sees it")


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
