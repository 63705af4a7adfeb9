"""The target in the sidebar: a class, a contrast, or a channel of a layer."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

import explainers as ex
from pages.common.sidebar.hidden_fields import FIELDS
from tests.support.app import map_code, metrics, opened, run_code, words

CHANNEL = "a channel of a layer"
SCENE = "scene:1000050"


def controls(app: AppTest) -> set[str | None]:
    kinds = (app.sidebar.selectbox, app.sidebar.number_input, app.sidebar.text_input)
    return {control.key for kind in kinds for control in kind} - FIELDS.keys()


def test_a_channel_is_chosen_and_the_code_on_the_page_gives_its_map() -> None:
    app = opened("grad_cam", input=SCENE)
    short = {"model", "target", "against"}
    assert controls(app) == short
    app.selectbox(key="target").set_value(CHANNEL).run()
    assert controls(app) == short - {"against"} | {"target_layer", "channel", "channel_place"}
    model = ex.load_model("demo:signs-cnn")
    assert app.selectbox(key="target_layer").options == [layer.name for layer in ex.channel_layers(model)]
    app.selectbox(key="target_layer").set_value("layer3.0.relu1").run()
    app.number_input(key="channel").set_value(47).run()
    app.text_input(key="channel_place").set_value(" 4,7 ").run()
    assert not app.error
    assert 'ex.ChannelTarget("layer3.0.relu1", 47, (4, 7))' in map_code(app)
    space = run_code(map_code(app))
    assert space["a"].target == ex.ChannelTarget("layer3.0.relu1", 47, (4, 7))
    assert metrics(app)["Score"] == f"{float(space['a'].score[0]):.3f}"
    assert "channel 47 of layer3.0.relu1 at (4, 7) at layer3.0.relu1" in words(app)
    after = {layer.name for layer in ex.layers(model)} - set(app.selectbox(key="cam_layer").options)
    assert {"layer3", "layer4"} <= after, "layers that the channel does not depend on are not offered"
    assert app.multiselect(key="cam_strip").value, "the strip, too, is made of layers before the channel"
    app.selectbox(key="target").set_value("top class").run()
    assert controls(app) == short
    assert "ChannelTarget" not in map_code(app)


def test_the_channel_is_the_same_on_every_page_and_each_has_its_own_map() -> None:
    query = {"target": CHANNEL, "target_layer": "blocks.2", "channel": "3", "model": "demo:signs-vit", "input": SCENE}
    app = opened("saliency", **query)
    seen = {metrics(app)["Score"]}
    for page in ("grad_cam", "perturbation", "attention"):
        app.switch_page(f"pages/{page}.py").run()
        seen.add(metrics(app)["Score"])
        assert "channel 3 of blocks.2" in words(app)
    expected = ex.explain(ex.load_model("demo:signs-vit"), ex.sample(SCENE).load(), "gradient", "blocks.2:3").score
    assert seen == {f"{float(expected[0]):.3f}"}
    app.number_input(key="channel").set_value(4).run()
    assert metrics(app)["Score"] not in seen, "a cache must not hand out another channel's map"


def test_a_vector_layer_has_units_and_no_places() -> None:
    app = opened("saliency", target=CHANNEL, target_layer="fc", channel="2", input=SCENE)
    assert app.number_input(key="channel").label == "Unit"
    assert "channel_place" not in controls(app)
    unit = metrics(app)
    app.selectbox(key="target").set_value(ex.load_model("demo:signs-cnn").label(2)).run()
    assert {name: unit[name] for name in ("Score", "Largest value", "Gap")} == {
        name: metrics(app)[name] for name in ("Score", "Largest value", "Gap")
    }


@pytest.mark.parametrize(
    ("page", "query", "sentence"),
    [
        ("saliency", {"target_layer": "layer2", "channel_place": "3 x"}, "such as 3, 4, or one token's number, not"),
        ("saliency", {"target_layer": "layer2", "channel_place": "300, 2"}, "lies outside layer 'layer2'"),
        ("grad_cam", {"target_layer": "layer2", "cam_method": "CAM"}, "CAM explains the network's outputs, not layer"),
        ("attention", {"target_layer": "patch_embed", "model": "demo:signs-vit"}, "No attention runs before layer"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(page: str, query: dict[str, str], sentence: str) -> None:
    app = opened(page, target=CHANNEL, input=SCENE, **query)
    (error,) = app.main.error
    assert sentence in error.value


def test_what_the_link_names_but_the_model_lacks_falls_back() -> None:
    app = opened("saliency", target=CHANNEL, target_layer="layer9", channel="5000")
    assert not app.error
    assert app.number_input(key="channel").value == 0
    app.number_input(key="channel").set_value(60).run()
    app.selectbox(key="target_layer").set_value("stem").run()
    assert not app.error
    assert app.number_input(key="channel").value <= 15, "the new layer has 16 channels"


def test_why_this_rather_than_itself_is_a_sentence() -> None:
    app = opened("", target="stop", against="stop")
    assert any("rather than itself" in error.value for error in app.error)
    app.selectbox(key="against").set_value("give way").run()
    assert not app.error
    assert "stop rather than give way" in words(app)
