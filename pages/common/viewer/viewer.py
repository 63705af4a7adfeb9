"""The viewer on a page. All viewers of a page share one view, so that cells beside one another show the same place."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import streamlit as st
from streamlit.errors import StreamlitAPIException, StreamlitDuplicateElementKey

from pages.common.app.images import show_picture
from pages.common.app.selection import short_hash
from pages.common.viewer.payload import Seen, payload

FOLDER = Path(__file__).parent
HTML, CSS, JS = ((FOLDER / f"viewer.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
MOUNT = st.components.v2.component("vitrine_viewer", html=HTML, css=CSS, js=JS)


def show(seen: Seen) -> None:
    """Show a picture and its map; as a plain picture where Streamlit cannot put the browser's part on the page."""
    data = payload(seen)
    for number in count():  # two pictures of one page may have the same words
        try:
            MOUNT(data=data, key=f"viewer_{short_hash(seen.alt, seen.small)}_{number}", height="content")
        except StreamlitDuplicateElementKey:
            continue
        except StreamlitAPIException:
            if not seen.controls:
                show_picture(seen.drawn or seen.picture, alt=seen.alt)
        return


def show_controls() -> None:
    """The controls of the small viewers on the page: zoom, back to the whole, and the wipe."""
    show(Seen("Zoom and wipe of all pictures", controls=True))
