"""The picture in the sidebar: what can be chosen can be read."""

from __future__ import annotations

import io

from PIL import Image

import explainers as ex
from explainers.inputs.images import BYTES_LIMIT
from pages.common.sidebar.uploads import LARGEST, PICTURES
from tests.support.app import give, map_code, opened, picture, refusal, take_picture, words

SCENE = "scene:1000050"


def test_no_picture_is_sent_that_would_not_be_read() -> None:
    app = opened("overview", input=SCENE)
    app.button(key="_open_upload").click().run()
    assert app.file_uploader(key="_picture_file").proto.max_upload_size_mb == LARGEST == BYTES_LIMIT // 10**6


def test_uploadable_pictures_can_be_read() -> None:
    for suffix in PICTURES:
        buffer = io.BytesIO()
        Image.new("RGB", (8, 8), "red").save(buffer, Image.registered_extensions()[f".{suffix}"])
        assert ex.read_image(buffer.getvalue()).size == (8, 8)


def test_what_is_chosen_is_shown_by_its_title_and_read_by_the_code() -> None:
    app = opened("overview", input="photo:coffee")
    assert "An espresso · 600 × 400 px" in [caption.value for caption in app.sidebar.caption]
    take_picture(app, "photo:rocket")
    assert "A rocket at its launch · 640 × 427 px" in [caption.value for caption in app.sidebar.caption]
    assert 'image = ex.sample("photo:rocket").load()' in map_code(app)
    take_picture(app, "scene:42")
    assert 'image = ex.sample("scene:42").load()' in map_code(app), "any scene, also one that is not in the gallery"


def test_a_name_that_stands_for_no_picture_is_a_sentence_and_the_ways_to_another_remain() -> None:
    app = opened("overview", input="picture:of-nobody")
    assert [error.value.partition(";")[0] for error in app.main.error] == ["There is no sample 'picture:of-nobody'"]
    take_picture(app, "photo:coffee")
    assert not app.error


def test_a_picture_that_cannot_be_read_is_refused_and_the_one_before_stays() -> None:
    app = opened("overview", input=SCENE)
    before = words(app)
    give(app, "upload", "notes.png", b"these are no pixels")
    assert refusal(app).startswith("'notes.png' cannot be recognised as a picture")
    assert (app.text_input(key="input").value, words(app)) == (SCENE, before)
    give(app, "upload", "red.png", picture("red"))
    assert refusal(app) == ""
    assert app.text_input(key="input").value == "red.png"


def test_a_taken_picture_is_one_of_the_gallery_and_a_second_of_its_name_gets_a_number() -> None:
    app = opened("overview", input=SCENE)
    for colour in ("red", "blue", "red"):
        give(app, "upload", "sign.png", picture(colour))
    assert app.text_input(key="input").value == "sign.png", "the same content is the same file"
    take_picture(app, "sign (2).png")
    assert "ex.read_image('sign.png')" in map_code(app), "which is what it is called at home"
    assert "sign (2).png · 96 × 96 px" in [caption.value for caption in app.sidebar.caption]
