"""Pictures on a page."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from typing import Literal, TypeVar

import streamlit as st
from PIL import Image, ImageOps

from explainers.render.encoding import encode_png

T = TypeVar("T")
SIDE = 128  # px


def in_place(picture: bytes) -> str:
    """A PNG or JPEG as an address that holds it. A file that Streamlit serves is deleted as soon as the next run replaces it,
    so that a browser a moment late, while a slider moves, gets a 404 and shows a broken picture.
    """
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{b64encode(picture).decode()}"


def show_picture(picture: bytes, alt: str, width: Literal["stretch", "content"] = "stretch") -> None:
    """Show a PNG or JPEG; it travels inside the message."""
    st.image(in_place(picture), width=width, alt=alt)


def thumbnail(image: Image.Image) -> bytes:
    """A square PNG of the picture's middle."""
    return encode_png(ImageOps.fit(image, (SIDE, SIDE)))


def batched(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The items in rows of `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))
