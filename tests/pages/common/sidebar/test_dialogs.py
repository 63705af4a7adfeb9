"""The dialogs of the sidebar: what each asks for, and how far its limit is known. What they do on screen is seen in tests/browser."""

from __future__ import annotations

import streamlit as st

from explainers.models.labels import LARGEST_FILE
from tests.support.app import give, opened, picture, refusal

SCENE = "scene:1000050"


def test_every_uploader_says_the_limit_that_holds() -> None:
    app = opened("overview", input=SCENE)
    whole = st.get_option("server.maxUploadSize")
    for kind, key, limit in (
        ("upload", "_picture_file", 50),
        ("weights", "_weights_file", whole),
        ("labels", "_labels_file", 8),
    ):
        app.button(key=f"_open_{kind}").click().run()
        assert app.file_uploader(key=key).proto.max_upload_size_mb == limit
    assert LARGEST_FILE == 8 * 2**20


def test_a_dialog_opens_once_and_begins_anew() -> None:
    app = opened("overview", input=SCENE)
    give(app, "upload", "notes.png", b"no pixels")
    assert refusal(app)
    app.button(key="_open_upload").click().run()
    assert refusal(app) == ""
    app.run()
    assert not app.file_uploader, "a run that nobody asked for does not open it again"
    app.button(key="_open_camera").click().run()
    assert [camera.key for camera in app.get("camera_input")] == ["_camera"]


def test_the_gallery_has_own_pictures_before_the_samples() -> None:
    app = opened("overview", input=SCENE)
    app.button(key="_open_gallery").click().run()
    assert "**Yours**" not in [markdown.value for markdown in app.markdown]
    give(app, "upload", "red.png", picture("red"))
    app.button(key="_open_gallery").click().run()
    assert [markdown.value for markdown in app.markdown if markdown.value.startswith("**")][-2:] == [
        "**Yours**",
        "**To try**",
    ]


def test_the_labels_that_hold_are_shown() -> None:
    app = opened("overview", model="demo:signs-cnn", input=SCENE)
    app.button(key="_open_labels").click().run()
    assert app.dataframe[-1].value["name"].tolist()[:2] == ["stop", "give way"]
    assert "_own_labels" not in [button.key for button in app.button]
