"""Files that a visitor gave: offered again by their names, and missed aloud once the server has dropped them."""

from __future__ import annotations

from hashlib import sha256

import pytest
from streamlit.testing.v1 import AppTest

from tests.support.app import checkpoint, give, map_code, opened, picture, refusal, take_picture, words

SPEC = "torchvision:squeezenet1_1"
GONE = "is no longer kept on the server: uploads go when it restarts, and the oldest when room runs out. Upload it once more."


def give_beside(app: AppTest, widget: str, name: str, content: bytes) -> None:
    """Upload a file where the page itself asks for one."""
    app.file_uploader(key=widget).set_value((name, content, "application/octet-stream")).run()
    assert not app.exception


def test_a_picture_is_called_by_its_name_and_the_link_opens_it_for_others() -> None:
    app = opened("overview", input="photo:coffee")
    give(app, "upload", "my *red* one.png", picture("red"))
    assert app.text_input(key="input").value == "my _red_ one.png"
    assert r"my \_red\_ one.png · 96 × 96 px" in [caption.value for caption in app.sidebar.caption]
    assert "ex.read_image('my *red* one.png')" in map_code(app)
    red = words(app)
    hashed = sha256(picture("red")).hexdigest()[:12]
    assert hashed not in red
    files = app.text_input(key="files").value
    assert files == f"my _red_ one.png · {hashed}"
    take_picture(app, "photo:coffee")
    assert app.text_input(key="files").value == "", "a link names the files that it needs, and no others"
    take_picture(app, "my _red_ one.png")
    assert words(app) == red
    assert words(opened("overview", input="my _red_ one.png", files=files)) == red
    assert words(opened("overview", input=files)) == red, "links of old have name and hash in one"


@pytest.mark.parametrize(
    ("page", "named", "name"),
    [
        ("overview", "dog.jpg · 0123456789ab", "dog.jpg"),
        ("grad_cam", "upload:0123456789ab.jpg", "upload.jpg"),
        ("compare", "dog.jpg", "dog.jpg"),
    ],
)
def test_a_link_to_a_picture_that_is_gone_says_so(page: str, named: str, name: str) -> None:
    missing = opened(page, input="dog.jpg", files="dog.jpg · 0123456789ab")
    assert [error.value for error in missing.main.error] == [f"dog.jpg {GONE}"]
    app = opened(page, input=named)
    assert [error.value for error in app.main.error] == [f"{name} {GONE}"]
    assert not app.get("image")
    take_picture(app, "photo:coffee")
    assert not app.error


@pytest.mark.parametrize(
    ("named", "name"), [(f"{SPEC} · mine.pt · 0123456789ab", "mine.pt"), ("upload:0123456789ab.pt", "upload.pt")]
)
def test_a_link_to_weights_that_are_gone_says_so(named: str, name: str) -> None:
    app = opened("overview", model=SPEC, weights=named, input="photo:coffee")
    assert [error.value for error in app.main.error] == [f"{name} {GONE}"]
    app.selectbox(key="weights").set_value("random").run()
    assert not app.error
    missing = opened("weight_stats", model="demo:signs-cnn", weights_other="demo:signs-cnn · mine.pt · 0123456789ab")
    assert f"mine.pt {GONE}" in [error.value for error in missing.error]


def test_another_architecture_leaves_the_file_of_the_first_and_it_is_offered_again() -> None:
    app = opened("overview", model=SPEC, weights="random", input="photo:coffee")
    give(app, "weights", "mine.pt", checkpoint("squeezenet1_1", seed=3))
    weights = app.selectbox(key="weights").value
    assert weights == "mine.pt"
    assert not app.error
    assert "untrained" not in words(app)
    assert f"model = ex.load_model(\"{SPEC}\", weights='mine.pt')" in map_code(app)
    app.session_state["weights"] = "random"  # lest the other network's own weights be fetched
    app.selectbox(key="model").set_value("torchvision:shufflenet_v2_x0_5").run()
    assert weights not in app.selectbox(key="weights").options
    app.selectbox(key="model").set_value(SPEC).run()
    assert weights in app.selectbox(key="weights").options
    assert not app.error


def test_what_is_wrong_with_a_file_is_said_of_its_own_name() -> None:
    wrong = checkpoint("shufflenet_v2_x0_5", seed=1)
    app = opened("overview", model=SPEC, weights="random", input="photo:coffee")
    give(app, "weights", "no squeeze.pt", wrong)
    assert refusal(app).startswith("no squeeze.pt does not fit")
    assert app.selectbox(key="weights").value == "random"
    assert not app.error
    app = opened("weight_stats", model="demo:signs-cnn")
    give_beside(app, "weights_other_file", "no signs.pt", wrong)
    assert any(error.value.startswith("no signs.pt does not fit") for error in app.error)
    assert any("What these numbers say" in box.label for box in app.expander), "the page goes on"
    app = opened("grad_cam", input="scene:1000050", truth_of_scene="a mask from a file")
    give_beside(app, "_truth_file", "mask.png", b"these are no pixels")
    assert app.error[0].value.startswith("'mask.png' cannot be recognised")
