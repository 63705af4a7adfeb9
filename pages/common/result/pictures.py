"""The pictures of a result: the input, the map over it, and the regions that a method hides."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import streamlit as st

import explainers as ex
from explainers.render.colour_bar import colour_bar_html
from explainers.render.encoding import encode_photo, encode_small
from explainers.render.outlines import outlined
from explainers.render.overlay import overlay
from explainers.render.scale import Scale
from pages.common.app.caches import result_cache
from pages.common.app.images import show_picture
from pages.common.app.selection import Selection
from pages.common.result.view import View
from pages.common.viewer.payload import Seen
from pages.common.viewer.viewer import show

WIDTH = 560  # px of a rendered picture: sharp on a projector, small on the wire


def picture(
    selection: Selection,
    attribution: ex.Attribution,
    view: View,
    caption: str,
    width: int = WIDTH,
    keep: bool = True,
    region: npt.NDArray[np.bool_] | None = None,
) -> Scale:
    """The map over its picture, to be looked at closely, and its colour bar.

    Args:
        keep: for the next look; a map still in the making is shown as a plain picture, which does not flicker.
        region: (h, w), a part of the picture that is outlined.
    """
    scale, values = view.scale(attribution), view.map(attribution)
    marked = "" if region is None else hashlib.sha256(region.tobytes()).hexdigest()
    name = (
        "picture",
        *selection.key,
        attribution.method,
        attribution.layer,
        repr(sorted(attribution.options.items())),
        attribution.share,
        repr(view),
        marked,
        width,
    )
    large, unit = width == WIDTH, ex.find_method(attribution.method).unit
    drawn = partial(overlay, selection.enlarged(width), values, scale, view.style, region)
    if keep:
        seen = Seen(
            f"Heat map. {caption}", _plain(selection, width), result_cache().get(name, lambda: encode_small(drawn())),
            _size(selection, width), values, unit, small=not large,
        )  # fmt: skip
        show(seen)
    else:
        show_picture(encode_small(drawn()), alt=f"Heat map. {caption}")
    st.html(colour_bar_html(scale, view.style, unit if large else "", ticks=5 if large else 3, values=values))
    st.caption(caption)
    return scale


def original(selection: Selection) -> None:
    """The picture as the model sees it."""
    words = "The picture as the model sees it."
    show(Seen(words, _plain(selection, WIDTH), size=_size(selection, WIDTH), small=True))


def _plain(selection: Selection, width: int) -> bytes:
    """The picture as the model sees it, as a file."""
    key = ("original", selection.key[1], selection.model.fingerprint, width)
    plain: bytes = result_cache().get(key, lambda: encode_small(selection.enlarged(width)))
    return plain


def _size(selection: Selection, width: int) -> tuple[int, int]:
    return selection.enlarged(width).size


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
