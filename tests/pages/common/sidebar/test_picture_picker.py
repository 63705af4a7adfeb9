"""The picture in the sidebar: what can be chosen can be read."""

from __future__ import annotations

import io

from PIL import Image

import explainers as ex
from explainers.inputs.images import BYTES_LIMIT
from pages.common.sidebar.uploads import LARGEST, PICTURES
from tests.support.app import opened

SCENE = "scene:1000050"


def test_no_picture_is_sent_that_would_not_be_read() -> None:
    app = opened("overview", input=SCENE)
    assert app.file_uploader(key="_picture_file").proto.max_upload_size_mb == LARGEST == BYTES_LIMIT // 10**6


def test_uploadable_pictures_can_be_read() -> None:

    for suffix in PICTURES:
        buffer = io.BytesIO()
        Image.new("RGB", (8, 8), "red").save(buffer, Image.registered_extensions()[f".{suffix}"])
        assert ex.read_image(buffer.getvalue()).size == (8, 8)
