"""The picture in the sidebar: drawn, photographed, uploaded, or taken with the camera."""

from __future__ import annotations

import streamlit as st
from PIL import Image

import explainers as ex
from pages.common.app import session
from pages.common.app.caches import result_cache
from pages.common.app.images import in_place, thumbnail
from pages.common.sidebar.dialogs import camera_dialog, gallery_dialog, opens, upload_dialog
from pages.common.sidebar.uploads import PICTURES, LostUploadError, Upload


def picture_form() -> tuple[Image.Image, str, str]:
    """Show what is chosen, and the ways to another; returns the picture, a key of its content, and the Python that reads it."""
    source = session.widget_value("input") or ex.samples()[0].id
    left, right = st.columns([1, 3], gap="small", vertical_alignment="center")
    with st.container(horizontal=True, gap="xsmall"):
        gallery = opens("Gallery")
        upload = opens("Upload")
        camera = opens("Camera")
    if gallery:
        gallery_dialog(source)
    if upload:
        upload_dialog()
    if camera:
        camera_dialog()
    image, key, code, title = _open(source)
    small = result_cache().get(("thumbnail", key), lambda: thumbnail(image))
    left.image(in_place(small), width=56, alt=f"The picture: {title}")
    plain = title.replace("_", r"\_")  # else the underlines of a file's name would be markup
    right.caption(f"{plain} · {image.width} × {image.height} px")
    return image, key, code


def _open(source: str) -> tuple[Image.Image, str, str, str]:
    """The picture, a key of its content, the code that reads it, and its title."""
    upload = Upload.read(source)
    if upload:
        return upload.picture(), upload.key, f"image = {upload.code}", upload.name
    if source.rpartition(".")[2].lower() in PICTURES:  # a file's name without what would find the file
        raise LostUploadError(source)
    sample = ex.sample(source)
    image = result_cache().get(("sample", source), sample.load)
    return image, source, f'image = ex.sample("{source}").load()', sample.title
