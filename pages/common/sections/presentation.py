"""A view of a page for a room: full width, larger type, and nothing but what is told."""

from __future__ import annotations

import streamlit as st

from pages.common.app import session
from pages.common.app.address import bound

STYLE = """<style>
html {{ font-size: 130% !important; }}
[data-testid=stHeader], [data-testid=stSidebar], .st-key-{hidden} {{ display: none !important; }}
[data-testid=stMainBlockContainer] {{ max-width: none; padding: 1.5rem 3rem; }}
</style>"""


def presentation(key: str, hidden: str) -> bool:
    """The switch of the presentation view, bound to the address, and the button that leaves it, also by Escape.

    Args:
        hidden: the key of the container of controls that are not shown then; they are drawn all the same and keep what they hold.
    """
    presenting = bound(
        st.toggle,
        "Presentation view",
        key=key,
        help="Full width and larger type. Arrow keys step, Escape leaves.",
    )
    if presenting:
        st.html(STYLE.format(hidden=hidden))
        st.button(
            "Leave", icon=":material/close_fullscreen:", key=f"{key}_leave", type="tertiary", shortcut="Escape",
            on_click=session.set_widget, args=(key, False),
        )  # fmt: skip
    return presenting
