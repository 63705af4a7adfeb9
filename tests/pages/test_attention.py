"""The attention page: what it offers, what it says, and that its code gives its numbers."""

from __future__ import annotations

import json

import pytest

import explainers as ex
from explainers.engine.chunk_sizes import ChunkSizes
from tests.support.app import map_code, opened, run_code, words

VIT = "demo:signs-vit"


def test_the_page_shows_what_the_library_says() -> None:
    app = opened("attention", model=VIT, input="scene:1000050")
    model, image = ex.load_model(VIT), ex.sample("scene:1000050").load()
    heads = ex.attention_heads(model, image)
    last = heads.distances[heads.distances["layer"] == len(heads.maps) - 1]
    for head, distance in zip(last["head"], last["distance"], strict=True):
        assert f"Head {head} · {distance:.0f} px" in words(app)
    spec = json.loads(app.get("vega_lite_chart")[-1].proto.spec)
    assert "px" in spec["layer"][0]["encoding"]["y"]["title"]
    score = ex.explain(model, image, "transformer-attribution").score[0]
    assert f"{score:.3f}" in [m.value for m in app.metric if m.label == "Score"]


def test_a_chosen_head_is_that_head_and_the_code_gives_it() -> None:
    app = opened("attention", model=VIT, attention_method="Attention of one layer")
    assert "whatever the class" in words(app)
    app.selectbox(key="attention_block").set_value(app.selectbox(key="attention_block").options[1]).run()
    app.selectbox(key="attention_head").set_value("2").run()
    code = map_code(app)
    space = run_code(code)
    heads = ex.attention_heads(space["model"], space["image"])
    assert space["values"][0].flatten().tolist() == pytest.approx(heads.maps[1][2].flatten().tolist(), rel=1e-4)
    heads_code = next(block.value for block in app.code if "attention_heads" in block.value)
    exec(heads_code, space)
    assert list(space["table"]["distance"]) == pytest.approx(list(heads.distances["distance"]), rel=1e-4)


def test_a_model_without_attention_is_one_sentence_that_names_one_with_it() -> None:
    app = opened("attention", model="demo:signs-cnn")
    (info,) = app.info
    assert VIT in info.value
    assert not app.error
    assert not app.get("vega_lite_chart")


def test_windows_are_shown_head_by_head_and_refused_where_they_cannot_be_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ChunkSizes, "pace", lambda *_: 3.0)  # nothing here depends on how fast so large a network is
    app = opened("attention", model="torchvision:swin_t", weights="random")
    assert app.selectbox(key="attention_method").value == "Attention of one layer"
    assert not app.error
    assert "Head 23" in words(app)
    app.selectbox(key="attention_method").set_value("Attention rollout").run()
    assert [error.value for error in app.error if "within windows" in error.value]
    assert "Head 23" in words(app)
