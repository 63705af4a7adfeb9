"""The guided story: every number on it is computed from the networks."""

from __future__ import annotations

import pytest

import explainers as ex
from tests.support.app import opened

SCENE = "scene:1000041+sticker"
FOOLED, HONEST = "demo:signs-shortcut", "demo:signs-cnn"


def first(spec: str, scene: str = SCENE) -> str:
    return ex.predict(ex.load_model(spec), ex.sample(scene).load()).top(1)[0][0]


def test_three_steps() -> None:
    app = opened("story", story_scene=SCENE)
    (result,) = app.header
    assert result.value.startswith("The sign says speed limit 80: network A answers speed limit 30 (")
    assert f"network B answers {first(HONEST)} (" in result.value
    assert first(FOOLED) == ex.SHORTCUT == "speed limit 30"
    assert "A high probability does not tell" in app.info[0].value

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

    on_sticker = shares["fooled"].xs("the sticker", level="place").drop("by chance")
    assert f"lie {on_sticker.min():.0%} to {on_sticker.max():.0%} of network A's maps" in app.header[0].value
    assert "Maps tell where to look next" in app.info[0].value

    app.button(key="story_next").click().run()
    assert app.button(key="story_next").disabled
    plain = SCENE.removesuffix("+sticker")
    changed = [
        ex.sticker_effect(ex.load_model(spec), ex.fresh_seeds(24))["changed"].mean() for spec in (FOOLED, HONEST)
    ]
    assert app.header[0].value == (
        f"Without the sticker network A goes from {first(FOOLED)} to {first(FOOLED, plain)} and network B stays with "
        f"{first(HONEST)}; on 24 fresh scenes the sticker changes {changed[0]:.0%} and {changed[1]:.0%} of their answers."
    )
    assert "taking the reason away" in app.info[0].value
    app.button(key="story_back").click().run()
    assert app.session_state["story_step"] == "2 · The maps"


def test_the_networks_own_names_stand_in_small_print_and_in_the_code() -> None:
    app = opened("story", story_scene=SCENE)
    told = "\n".join(element.value for element in [*app.title, *app.header, *app.subheader, *app.markdown, *app.info])
    assert FOOLED not in told
    assert f"network A is {FOOLED}, network B is {HONEST}" in app.main.caption[0].value
    assert FOOLED in app.code[0].value


def test_a_link_opens_a_step() -> None:
    app = opened("story", story_step="3 · Without the sticker", story_scene="scene:1000050+sticker")
    assert not app.error
    assert "Not only here" in [element.value for element in app.subheader]


def test_the_presentation_shows_the_step_alone_and_is_left_again() -> None:
    app = opened("story", story_scene=SCENE, story_present="true", story_step="2 · The maps")
    assert not app.code
    assert [button.key for button in app.main.button] == ["story_present_leave", "story_back", "story_next"]
    app.button(key="story_next").click().run()
    assert app.session_state["story_step"] == "3 · Without the sticker"
    app.button(key="story_present_leave").click().run()
    assert not app.toggle(key="story_present").value
    assert app.code
    assert app.session_state["story_step"] == "3 · Without the sticker"
