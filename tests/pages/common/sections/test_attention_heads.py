"""The heads of a transformer on a page."""

from __future__ import annotations

from tests.support.app import opened

SCENE = "scene:1000050"


def test_the_heads_keep_their_own_scale() -> None:
    bars = [[bar.proto.body for bar in app.get("html")] for app in (
        opened("attention", input=SCENE, model="demo:signs-vit"),
        opened("attention", input=SCENE, model="demo:signs-vit", attention_fixed="true", attention_limit="7"),
    )]  # fmt: skip
    assert bars[0][0] != bars[1][0]
    assert bars[0][-1] == bars[1][-1]
