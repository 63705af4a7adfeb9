"""What every picture that leaves the app says of itself."""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

import explainers as ex
from explainers.export import provenance
from explainers.render.provenance import Provenance
from pages.common.app import session
from pages.common.app.selection import Selection
from pages.common.sidebar.uploads import Upload


def address() -> str:
    """The address of this page as it stands, to be opened by anybody; "" where there is none."""
    query = urlencode({name: st.query_params.get_all(name) for name in st.query_params}, doseq=True)
    return f"{st.context.url or ''}{f'?{query}' if query else ''}"


def picture_name(key: str, chosen: str | None = None) -> str:
    """What a picture is called: the visitor's own file by its name, and others by their titles.

    Args:
        key: of its content.
        chosen: what the widget holds that chose it; None asks the sidebar.
    """
    upload = Upload.read(str(session.widget_value("input") if chosen is None else chosen))
    if upload is not None and (chosen is not None or upload.key == key):
        return upload.file_name
    titles = {sample.id: sample.title for sample in ex.samples()}
    name = key if chosen is None else chosen
    if Upload.read(name) is not None:
        return "an uploaded picture"
    return f"{titles[name]} ({name})" if name in titles else name


def origin(selection: Selection, attribution: ex.Attribution, verdict: str = "") -> Provenance:
    """Of one map of what the sidebar chose."""
    return provenance(selection.model, attribution, picture_name(selection.key[1]), verdict, address())
