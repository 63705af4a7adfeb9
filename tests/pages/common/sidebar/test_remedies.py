"""What a page offers beside an error: the uploader of a lost file, another model, the weights' own architecture."""

from __future__ import annotations

import io
from hashlib import sha256
from pathlib import Path

import pytest
import torch
import torchvision
from streamlit.testing.v1 import AppTest

from tests.support.app import checkpoint, give, opened, picture, refusal, viewers

SPEC = "torchvision:squeezenet1_1"


def offers(app: AppTest) -> list[str]:
    """The words of the buttons that the page offers."""
    return [str(button.label) for button in app.main.button if str(button.key).startswith("_choose_")]


def press(app: AppTest, words: str) -> None:
    next(button for button in app.main.button if button.label == words).click().run()
    assert not app.exception


def test_a_lost_picture_is_named_and_its_uploader_stands_beside_it() -> None:
    app = opened("saliency", input="cat.png · 0123456789ab")
    assert [error.value.partition(":")[0] for error in app.main.error] == ["cat.png is no longer kept on the server"]
    app.main.file_uploader(key="_lost_file").set_value(("cat.png", picture("red"), "image/png")).run()
    assert not app.error
    assert viewers(app) >= 2
    assert not [uploader for uploader in app.main.file_uploader if uploader.key == "_lost_file"]


def test_lost_weights_are_named_and_come_back_as_those_of_the_model() -> None:
    app = opened("overview", model=SPEC, weights=f"{SPEC} · mine.pt · 0123456789ab", input="scene:1000050")
    assert any(error.value.startswith("mine.pt is no longer kept") for error in app.main.error)
    content = checkpoint("squeezenet1_1", seed=3)
    app.main.file_uploader(key="_lost_file").set_value(("mine.pt", content, "application/octet-stream")).run()
    assert not app.error
    assert not app.warning, "the weights are no random ones"


def test_weights_that_cannot_be_fetched_are_offered_random(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    app = opened("overview", model=SPEC, input="scene:1000050")
    assert "failed" in app.main.error[0].value
    assert offers(app) == ["Use untrained weights", "Use demo:signs-cnn", "Use demo:signs-vit"]
    press(app, "Use untrained weights")
    assert not app.error
    assert app.selectbox(key="weights").value == "random"
    assert offers(app) == []


def test_weights_of_another_architecture_take_the_visitor_there() -> None:
    app = opened("overview", model=SPEC, weights="random", input="scene:1000050")
    torch.manual_seed(0)
    buffer = io.BytesIO()
    network = torch.nn.DataParallel(torchvision.models.shufflenet_v2_x0_5(num_classes=7))
    torch.save({"state_dict": network.state_dict()}, buffer)
    give(app, "weights", "mine.pt", buffer.getvalue())
    assert "it looks like torchvision:shufflenet_v2_x0_5" in refusal(app)
    assert app.session_state["_fitting"].startswith("torchvision:shufflenet_v2_x0_5 · mine.pt · "), "for the dialog"
    hashed = sha256(buffer.getvalue()).hexdigest()[:12]
    for _ in range(2):  # the second time it is known to be wrong
        app = opened("overview", model=SPEC, weights=f"{SPEC} · mine.pt · {hashed}", input="scene:1000050")
        assert "it looks like torchvision:shufflenet_v2_x0_5" in app.main.error[0].value
        assert offers(app) == ["Switch to torchvision:shufflenet_v2_x0_5"]
    press(app, "Switch to torchvision:shufflenet_v2_x0_5")
    assert not app.error
    assert app.selectbox(key="model").value == "torchvision:shufflenet_v2_x0_5"
    assert app.selectbox(key="weights").value == "mine.pt"


@pytest.mark.parametrize(
    ("page", "model", "models"),
    [
        ("attention", "demo:signs-cnn", ["Use demo:signs-vit", "Use torchvision:vit_b_16"]),
        ("saliency", "demo:diabetes-mlp", ["Use demo:signs-cnn", "Use demo:signs-vit"]),
    ],
)
def test_a_page_that_cannot_serve_a_model_offers_others(page: str, model: str, models: list[str]) -> None:
    app = opened(page, model=model, input="scene:1000050")
    assert offers(app) == models
    press(app, "Use demo:signs-vit")
    assert app.selectbox(key="model").value == "demo:signs-vit"
    assert not app.error
    assert viewers(app) >= 2
