"""What the rules do not cover is said on the relevance page."""

from __future__ import annotations

from tests.support.app import opened

SCENE = "scene:1000051"


def test_a_network_that_the_rules_do_not_cover_is_warned_of_or_refused() -> None:
    assert not opened("relevance", input=SCENE).warning
    app = opened("relevance", input="photo:coffee", model="torchvision:mobilenet_v3_small", weights="random")
    warnings = "\n".join(warning.value for warning in app.warning)
    assert "9 × mul" in warnings
    assert "19 × Hardswish" in warnings
    assert not app.error
    refused = opened("relevance", input=SCENE, model="demo:signs-vit", relevance_method_of_attention="LRP EpsilonPlus")
    (error,) = refused.error
    assert "use attn-lrp or cp-lrp" in error.value
