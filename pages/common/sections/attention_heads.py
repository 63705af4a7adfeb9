"""The heads of a transformer on a page: asked for once, shown as small pictures on one scale."""

from __future__ import annotations

import streamlit as st

import explainers as ex
from explainers.render.colour_bar import colour_bar_html
from explainers.render.encoding import encode_photo
from explainers.render.overlay import overlay
from explainers.render.scale import Scale
from pages.common.app.caches import result_cache
from pages.common.app.images import batched, show_picture
from pages.common.app.selection import Selection
from pages.common.result.view import View
from pages.common.run.long_work import result_of

SIDE = 220  # px
COLUMNS = 4


def heads_with_progress(selection: Selection) -> ex.AttentionHeads:
    """`ex.attention_heads` of what the sidebar chose, computed once."""
    return result_of(
        "Attention heads",
        ("heads", *selection.key),
        lambda bar: ex.attention_heads(selection.model, selection.image, selection.target, progress=bar),
    )


def heads_grid(selection: Selection, heads: ex.AttentionHeads, layer: int, view: View) -> None:
    """Every head of one layer over the picture, all on one scale, with how far it looks."""
    maps = heads.maps[layer]
    # One scale for all, or a head that looks everywhere could not be told from one that looks at a single place.
    # The fixed scale of the map above is not theirs: they are shares of attention.
    scale = Scale.of(maps, signed=False)
    far = heads.distances[heads.distances["layer"] == layer].set_index("head")["distance"]
    image = selection.enlarged(SIDE)
    for row in batched(range(len(maps)), COLUMNS):
        for column, head in zip(st.columns(COLUMNS), row, strict=False):
            with column:
                drawn = result_cache().get(
                    ("head", *selection.key, layer, head, repr(view)),
                    lambda h=head: encode_photo(overlay(image, maps[h], scale, view.style)),
                )
                words = f"Head {head} · {far[head]:.0f} px"
                show_picture(drawn, alt=f"Heat map of attention. {words}")
                st.caption(words)
    st.html(colour_bar_html(scale, view.style, "share of attention", ticks=5))
