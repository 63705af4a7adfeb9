"""What the address keeps and no control shows."""

from __future__ import annotations

from hashlib import sha256

from pages.common.sidebar.hidden_fields import APART
from tests.support.app import checkpoint, give, map_code, opened, picture, take_picture

SPEC = "torchvision:squeezenet1_1"


def test_the_files_of_all_boxes_stand_in_the_link_as_long_as_a_box_names_them() -> None:
    weights = checkpoint("squeezenet1_1", seed=5)
    app = opened("overview", model=SPEC, weights="random", input="photo:coffee")
    give(app, "weights", "mine.pt", weights)
    give(app, "upload", "red.png", picture("red"))
    texts = [
        f"{SPEC} · mine.pt · {sha256(weights).hexdigest()[:12]}",
        f"red.png · {sha256(picture('red')).hexdigest()[:12]}",
    ]
    assert app.text_input(key="files").value == APART.join(texts)
    app.selectbox(key="weights").set_value("random").run()
    assert app.text_input(key="files").value == texts[1]
    take_picture(app, "photo:coffee")
    assert app.text_input(key="files").value == ""
    followed = opened("overview", model=SPEC, weights="mine.pt", input="red.png", files=APART.join(texts))
    assert not followed.error
    assert f"model = ex.load_model(\"{SPEC}\", weights='mine.pt')" in map_code(followed)
    assert "image = ex.read_image('red.png')" in map_code(followed)
