"""The attention page in a real Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.support.browser.driving import App, differ, query

pytestmark = pytest.mark.browser


def test_heads_and_methods_of_a_transformer(app: App) -> None:
    app.open("attention", model="demo:signs-vit", input="scene:1000050")
    picture, heat, *heads = app.images()
    assert picture.size == heat.size
    assert differ(picture, heat) > 5
    assert len(heads) == 4
    assert differ(heads[0], heads[1]) > 1
    expect(app.page.get_by_test_id("stVegaLiteChart")).to_have_count(2)  # hidden halves, and how far the heads look
    expect(app.page.get_by_test_id("stAlert")).to_have_count(0)

    app.choose("attention_method", "Attention rollout")
    assert "whatever the class" in app.text()
    rolled = app.images()[1]
    assert differ(rolled, heat) > 1
    app.slide("attention_rollout_residual", -20)
    assert differ(app.images()[1], rolled) > 0.5

    app.choose("attention_layer", "0 · blocks.0.attn")
    early = app.images()[2:]
    assert all(differ(head, other) > 1 for head, other in zip(early, heads, strict=True))
    parameters = query(app.page)
    assert parameters["attention_method"] == ["Attention rollout"]
    assert parameters["attention_layer"] == ["0 · blocks.0.attn"]
    name, content = app.download("CSV")
    assert name.startswith("vitrine-heads-")
    assert content.decode().splitlines()[0] == "layer,name,head,distance"

    app.choose("model", "demo:signs-cnn")
    assert "has no attention to look at" in app.text()
    app.go("Grad-CAM")
    assert len(app.images()) >= 2
