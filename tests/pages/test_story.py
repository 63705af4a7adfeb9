"""The guided story: every number on it is computed from the networks."""

from __future__ import annotations

import pytest

import explainers as ex
from tests.support.app import opened

SCENE = "scene:1000041+sticker"
FOOLED, HONEST = "demo:signs-shortcut", "demo:signs-cnn"


def first(spec: str, scene: str = SCENE) -> str:
    return ex.predict(ex.load_model(spec), ex.sample(scene).load()).top(1)[0][0]


def text(app) -> str:  # type: ignore[no-untyped-def]
    return "\n".join(str(element.value) for element in [*app.markdown, *app.info])


def test_three_steps() -> None:
    app = opened("story", story_scene=SCENE)
    assert f"The sign says speed limit 80. {FOOLED} answers {first(FOOLED)}, {HONEST} answers {first(HONEST)}." in text(
        app
    )
    assert first(FOOLED) == ex.SHORTCUT

    app.button(key="story_next").click().run()
    fooled, honest = (frame.value for frame in app.dataframe)
    model, sample = ex.load_model(FOOLED), ex.sample(SCENE)
    attribution = ex.explain(model, sample.load(), "occlusion")
    inside = ex.verify(
        model, sample.load(), attribution, "energy-inside", truth=ex.truth_mask(model, sample.regions()["the sticker"])
    )["energy-inside"].value
    shares = {
        table: rows.set_index(["map", "place"])["share"] for table, rows in (("fooled", fooled), ("honest", honest))
    }
    assert shares["fooled"]["Occlusion", "the sticker"] == pytest.approx(inside, abs=1e-3)
    for method in ("Grad-CAM", "Integrated gradients", "Occlusion", "LRP EpsilonPlusFlat"):
        assert shares["fooled"][method, "the sticker"] > 3 * shares["fooled"]["by chance", "the sticker"]
        assert shares["honest"][method, "the sign"] > shares["honest"]["by chance", "the sign"]
        assert shares["fooled"][method, "the sticker"] > shares["honest"][method, "the sticker"]

    app.button(key="story_next").click().run()
    assert app.button(key="story_next").disabled
    plain = SCENE.removesuffix("+sticker")
    assert f"The answer **changes**: {first(FOOLED)}, then {first(FOOLED, plain)}." in text(app)
    assert f"The answer **stays**: {first(HONEST)}." in text(app)
    effect = ex.sticker_effect(ex.load_model(FOOLED), ex.fresh_seeds(24))
    assert f"changes {effect['changed'].mean():.0%} of the answers of {FOOLED}" in text(app)
    app.button(key="story_back").click().run()
    assert app.session_state["story_step"] == "2 · The maps"


def test_a_link_opens_a_step() -> None:
    app = opened("story", story_step="3 · Without the sticker", story_scene="scene:1000050+sticker")
    assert not app.error
    assert "Not only here" in [element.value for element in app.subheader]
