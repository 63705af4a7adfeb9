"""What is chosen in a dialog over the page: a picture, a file of weights, the names of the classes.

A dialog closes when something was taken in it; a file that is of no use is refused in it, and it stays open.
"""

from __future__ import annotations

import streamlit as st

import explainers as ex
from explainers.models.labels import LARGEST_FILE
from pages.common.app import session
from pages.common.app.caches import result_cache
from pages.common.app.errors import complain
from pages.common.app.images import thumbnail
from pages.common.sidebar.gallery import Item, gallery
from pages.common.sidebar.remedies import offer_switch
from pages.common.sidebar.uploads import (
    CHECKPOINTS,
    LABELS,
    LARGEST,
    PICTURES,
    Upload,
    forget_refusal,
    keep_upload,
    known_uploads,
)


def opens(label: str) -> bool:
    """A button that opens a dialog; whether it opens now."""
    st.button(label, key=f"_open_{label.lower()}", width="stretch", on_click=_begin, args=(label,))
    if session.DIALOG.get() != label:
        return False
    session.DIALOG.set("")
    return True


@st.dialog("Gallery", width="large", icon=":material/photo_library:")
def gallery_dialog(current: str) -> None:
    """Choose a sample, or a picture that was uploaded earlier."""
    own = [upload for upload in known_uploads() if upload.kind == "picture" and upload.path is not None]
    if own:
        st.markdown("**Yours**")
        gallery("Your pictures", [Item(u.name, u.name, _small(u.key, u)) for u in own], current, "_own_gallery", _take)
        st.markdown("**To try**")
    samples = [Item(sample.id, sample.title, _small(sample.id, None)) for sample in ex.samples()]
    gallery("Pictures to try", samples, current, "_gallery", _take)
    _close_if_taken()


@st.dialog("Upload a picture", icon=":material/upload:")
def upload_dialog() -> None:
    """Take a picture from a file."""
    st.file_uploader(
        "Your picture", PICTURES, key="_picture_file", max_upload_size=LARGEST,
        on_change=keep_upload, args=("_picture_file", "input", "", Upload.picture),
    )  # fmt: skip
    _close_if_taken()
    st.caption(
        "Only the pixels are used, not what the camera wrote beside them. The file is deleted when the server stops."
    )


@st.dialog("Camera", icon=":material/photo_camera:")
def camera_dialog() -> None:
    """Take a picture with the camera, which is asked for only here."""
    st.camera_input(
        "A picture from the camera", key="_camera", on_change=keep_upload, args=("_camera", "input", "", Upload.picture)
    )
    _close_if_taken()


@st.dialog("Weights from a file", icon=":material/upload_file:")
def weights_dialog(spec: str) -> None:
    """Load a checkpoint into the architecture."""
    st.file_uploader(
        f"A checkpoint of {spec.partition(':')[2]}", CHECKPOINTS, key="_weights_file", help="Read without executing anything in it.",
        on_change=keep_upload, args=("_weights_file", "weights", spec, Upload.model),
    )  # fmt: skip
    _close_if_taken()


@st.dialog("Names of the classes", icon=":material/label:")
def labels_dialog(model: ex.Model, spec: str) -> None:
    """Name the model's classes by a file, or by the model's own names again."""
    st.file_uploader(
        "A file of names, one for each output", LABELS, key="_labels_file", max_upload_size=LARGEST_FILE // 2**20,
        on_change=keep_upload, args=("_labels_file", "labels", spec, lambda upload: upload.labels(model)),
        help="One name a line, a JSON list or dict from number to name, or a CSV of numbers and names. They count from 0.",
    )  # fmt: skip
    if session.widget_value("labels"):
        st.button("Use the model's own names", key="_own_labels", icon=":material/undo:", on_click=_use_own_labels)
    _close_if_taken()
    if model.labels is not None:
        names = {"output": range(len(model.labels)), "name": model.labels}
        st.dataframe(names, height=260, hide_index=True, alt="Names of all outputs")


def _begin(label: str) -> None:
    """Callback of a button that opens a dialog: what earlier ones left is forgotten."""
    forget_refusal()
    session.TAKEN.set(False)
    session.DIALOG.set(label)


def _take(name: str) -> None:
    session.set_widget("input", name)
    session.TAKEN.set(True)


def _use_own_labels() -> None:
    """Callback: the file of labels is let go."""
    session.set_widget("labels", "")
    session.TAKEN.set(True)


def _close_if_taken() -> None:
    """Say what is wrong with a file that was refused; close where something was taken."""
    if refusal := session.REFUSED.get():
        complain(refusal)
        offer_switch()
    if session.TAKEN.take():
        st.rerun()


def _small(key: str, upload: Upload | None) -> bytes:
    def draw() -> bytes:
        return thumbnail(upload.picture() if upload else ex.sample(key).load())

    small: bytes = result_cache().get(("thumbnail", key), draw)
    return small
