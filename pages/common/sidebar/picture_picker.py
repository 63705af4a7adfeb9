"""The picture in the sidebar: drawn, photographed, uploaded, or taken with the camera."""

from __future__ import annotations

import streamlit as st
from PIL import Image

import explainers as ex
from pages.common.app import session
from pages.common.app.caches import result_cache
from pages.common.app.images import batched, show_picture, thumbnail
from pages.common.sidebar.uploads import LARGEST, PICTURES, Upload, forget_refusal, gone, keep_upload, offered


def picture_form() -> tuple[Image.Image, str, str]:
    """Choose a picture; returns it, a key of its content, and the Python that reads it."""
    known = {sample.id: sample.title for sample in ex.samples()}
    wanted = next(iter(session.held_or_linked("input")), "")
    unlisted = [wanted] if wanted.startswith(("scene:", "photo:")) and wanted not in known else []
    source = st.selectbox(
        "Picture",
        [*known, *unlisted, *offered("input", {""}), *gone("input")],
        key="input",
        bind="query-params",
        on_change=forget_refusal,
        help="Drawn road scenes with known truth, real photographs, or your own.",
    )
    with st.popover(
        "Gallery", icon=":material/photo_library:", width="stretch", on_change="rerun", key="_gallery"
    ) as popover:
        if popover.open:
            _gallery()
    _upload_and_camera()
    if refusal := session.REFUSED.get():
        st.error(refusal, icon=":material/broken_image:")
    image, key, code = _open(source)
    upload = Upload.read(source)
    name = upload.name if upload else known.get(source, source)
    plain = name.replace("_", r"\_")  # else the underlines of a file's name would be markup
    st.caption(f"{plain} · {image.width} × {image.height} px")
    return image, key, code


def _upload_and_camera() -> None:
    upload, camera = st.columns(2)
    with upload.popover("Upload", icon=":material/upload:", width="stretch"):
        st.file_uploader(
            "Your picture", PICTURES, key="_picture_file", on_change=keep_upload, args=("_picture_file", "input"),
            max_upload_size=LARGEST,
        )  # fmt: skip
    with camera.popover(
        "Camera", icon=":material/photo_camera:", width="stretch", on_change="rerun", key="_camera_open"
    ) as popover:
        if popover.open:  # asks for the camera only when wanted
            st.camera_input(
                "A picture from the camera", key="_camera", on_change=keep_upload, args=("_camera", "input")
            )


def _gallery() -> None:
    """The samples as pictures to choose from."""
    for row in batched(ex.samples(), 4):
        for column, sample in zip(st.columns(4), row, strict=False):
            small = result_cache().get(("thumbnail", sample.id), lambda s=sample: thumbnail(s.load()))
            with column:
                show_picture(small, alt=sample.title)
                st.button(sample.title, key=f"_take_{sample.id}", width="stretch", on_click=_take, args=(sample.id,))


def _take(sample: str) -> None:
    """Callback of the gallery: choose a sample."""
    forget_refusal()
    session.set_widget("input", sample)


def _open(source: str) -> tuple[Image.Image, str, str]:
    """The picture, a key of its content, and the code that reads it."""
    upload = Upload.read(source)
    if upload:
        return upload.picture(), upload.key, f"image = {upload.code}"
    image = result_cache().get(("sample", source), lambda: ex.sample(source).load())
    return image, source, f'image = ex.sample("{source}").load()'
