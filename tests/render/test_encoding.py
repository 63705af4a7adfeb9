"""Pictures as files: which keep every pixel, and which every colour."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from explainers.render.encoding import encode_photo, encode_png, encode_small


def test_png_round_trip(photo: Image.Image) -> None:
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(encode_png(photo)))), np.asarray(photo))


def test_a_png_says_what_it_is(photo: Image.Image) -> None:
    about = {"Title": "Grad-CAM at layer4", "Picture": "Bäume – 1.jpg", "Description": "x" * 5000}
    read = Image.open(io.BytesIO(encode_png(photo, about)))
    read.load()
    assert read.text == about
    assert np.array_equal(np.asarray(read), np.asarray(photo))


def test_a_photograph_keeps_every_pixel_in_fewer_bytes(cat: Image.Image) -> None:
    read = Image.open(io.BytesIO(encode_photo(cat)))
    assert (read.format, read.mode) == ("PNG", "RGB")
    assert np.array_equal(np.asarray(read), np.asarray(cat))
    assert len(encode_photo(cat)) < len(encode_png(cat))


def test_a_small_picture_keeps_the_colours_of_every_pixel(cat: Image.Image) -> None:
    """Columns of blue and red in turn: with colours of half the resolution they would all be purple."""
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2, 2], stripes[:, 1::2, 0] = 255, 255
    for original in (stripes, np.asarray(cat)):
        read = Image.open(io.BytesIO(encode_small(Image.fromarray(original))))
        assert read.format == "JPEG"
        assert np.abs(np.asarray(read).astype(int) - original).mean() < 2
