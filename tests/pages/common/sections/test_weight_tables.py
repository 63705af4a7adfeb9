"""Other weights of the same architecture, uploaded or by name."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

import explainers as ex
from tests.support.app import opened

SHORTCUT = Path(ex.__file__).parent / "demo/weights/signs-shortcut.safetensors"
HONEST = SHORTCUT.with_name("signs-cnn.safetensors")


def give(app: AppTest, widget: str, name: str, content: bytes) -> None:
    app.file_uploader(key=widget).set_value((name, content, "application/octet-stream")).run()
    assert not app.exception


def test_other_weights_are_an_uploaded_file_until_others_are_chosen() -> None:
    def changed(app: AppTest) -> bool:
        table = next(frame.value for frame in app.dataframe if "relative_change" in frame.value)
        return bool((table["relative_change"] > 0).any())

    app = opened("weight_stats", model="demo:signs-cnn")
    give(app, "weights_other_file", "the same.safetensors", HONEST.read_bytes())
    box = app.selectbox(key="weights_other")
    assert box.value.startswith("demo:signs-cnn · the same.safetensors · ")
    assert not changed(app)
    box.set_value("demo:signs-shortcut").run()
    assert changed(app)
    app.selectbox(key="weights_other").set_value("none").run()
    assert not any("relative_change" in frame.value for frame in app.dataframe)
