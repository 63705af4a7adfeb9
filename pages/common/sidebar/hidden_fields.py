"""What the address keeps and no control shows: the picture, the file of labels, and which file a name stands for.

A control that is bound to the address writes there what it shows. So what is chosen in a dialog, and the hashes that find an upload on
the server, stand in fields of their own, bound like all others: links, Back and the way from page to page are then Streamlit's.
"""

from __future__ import annotations

import streamlit as st

from pages.common.app import session
from pages.common.app.address import bound
from pages.common.sidebar.uploads import named, register

FILES = "files"
FIELDS = {"input": "The picture", "labels": "The file of labels", FILES: "The files behind the names"}
APART = " | "  # no name of an upload holds it


def hidden_fields() -> None:
    """Draw the fields, before whatever shows a name; where a link names files, their names are known from then on."""
    written = next(iter(session.held_or_linked(FILES)), "")
    for text in written.split(APART):
        register(text)
    wanted = APART.join(named(session.held_or_linked_anywhere()))
    if wanted != written:
        session.set_widget(FILES, wanted)
    st.html("<style>.st-key-_fields {display: none}</style>")  # neither seen nor read out nor reached by Tab
    with st.container(key="_fields"):
        for key, label in FIELDS.items():
            bound(st.text_input, label, key=key, persist_state="session")
