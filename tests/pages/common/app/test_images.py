"""Pictures on a page: inside the message, square where they are to be chosen among, in rows."""

from __future__ import annotations

import io
from base64 import b64decode

import pytest
from PIL import Image

from pages.common.app.images import batched, in_place, thumbnail


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_travels_whole_and_unchanged(kind: str) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(buffer, kind)
    head, _, content = in_place(buffer.getvalue()).partition(";base64,")
    assert head == f"data:image/{kind.lower()}"
    assert b64decode(content) == buffer.getvalue()


def test_a_thumbnail_is_the_middle_of_the_picture() -> None:
    image = Image.new("RGB", (300, 100), "red")
    image.paste("blue", (100, 0, 200, 100))
    small = Image.open(io.BytesIO(thumbnail(image))).convert("RGB")
    assert small.size == (128, 128)
    assert small.getpixel((64, 64)) == (0, 0, 255)


def test_rows_hold_so_many_and_the_last_what_is_left() -> None:
    assert list(batched([1, 2, 3, 4, 5], 2)) == [[1, 2], [3, 4], [5]]
