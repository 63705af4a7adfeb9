"""Every method through its page: a map, and the numbers that the library gives for the same options."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import explainers as ex
from pages.common.result.options_form import option_key, option_names
from tests.support.app import metrics, opened, viewers
from tests.support.methods import FEW

SCENE = "scene:1000051"

PAGES = {
    "saliency": "saliency",
    "grad_cam": "cam",
    "perturbation": "perturbation",
    "attention": "attention",
    "relevance": "relevance",
}

SMALL = {"steps": 4, "samples": 3, "number": 2}
FEWER = FEW | {"occlusion": {"patch": 40, "stride": 28}}  # of a picture of 96 px
CHANNEL = ex.ChannelTarget("layer3.0.conv2", 9)


def quick(method: ex.Method) -> dict[str, Any]:
    """Options with which a method takes few passes."""
    return FEWER.get(method.name) or {name: few for name, few in SMALL.items() if name in method.options.model_fields}


def expected(model: ex.Model, method: ex.Method, target: ex.Target | None) -> ex.Attribution | str:
    """What the library gives, or the sentence with which it refuses."""
    try:
        return ex.explain(model, ex.sample(SCENE).load(), method.name, target, **quick(method))
    except ex.VitrineError as error:
        return str(error)


def box(app: AppTest, key: str) -> str | None:
    """The key of the box of methods, where the page has one."""
    return next((str(control.key) for control in app.selectbox if str(control.key).startswith(f"{key}_method")), None)


def controls(app: AppTest) -> set[str]:
    """The keys of all controls of the page."""
    kinds = (app.selectbox, app.slider, app.number_input, app.toggle)
    return {str(control.key) for kind in kinds for control in kind}


def choose(app: AppTest, key: str, method: ex.Method) -> None:
    app.selectbox(key=box(app, key)).set_value(method.title).run()
    for start in [button for button in app.button if button.label.startswith("Start")]:
        start.click().run()  # predicted to be long, on a busy machine


CNN, VIT = "demo:signs-cnn", "demo:signs-vit"


# Every method on a CNN; on a transformer and for a channel those of whose layers, rules or refusals the network is a part.
CASES = [
    *[pytest.param(CNN, {}, page, id=f"cnn-{page}") for page in PAGES],
    *[pytest.param(VIT, {}, page, id=f"vit-{page}") for page in ("grad_cam", "attention", "relevance")],
    *[
        pytest.param(
            CNN, {"target": "a channel of a layer", "target_layer": CHANNEL.layer, "channel": "9"}, page, id=f"channel-{page}"
        )
        for page in ("grad_cam", "relevance")
    ],
]  # fmt: skip


@pytest.mark.parametrize(("spec", "query", "page"), CASES)
def test_every_method_ends_with_the_librarys_map_or_its_sentence(spec: str, query: dict[str, str], page: str) -> None:
    model, key, target = ex.load_model(spec), PAGES[page], CHANNEL if query else None
    methods = [method for method in ex.methods(model) if method.family == key]
    app = opened(page, model=spec, input=SCENE, **query)
    if box(app, key) is None:  # the page has said why, before any form
        answer = [expected(model, method, target) for method in methods] or ["demo:signs-cnn has no attention"]
        assert (app.error or app.info)[0].value.startswith(answer[0])
        assert len(set(answer)) == 1
        return
    for method in methods:
        for name, value in quick(method).items():
            app.session_state[option_key(key, method.name, name)] = value
    app.session_state["cam_strip"] = []  # seven pictures a method would take their time
    for method in methods:
        choose(app, key, method)
        assert not app.exception, method.name
        assert {option_key(key, method.name, name) for name in option_names(method)} <= controls(app), method.name
        answer = expected(model, method, target)
        if isinstance(answer, str):
            assert [error.value for error in app.error] == [answer], method.name
            continue
        assert not app.error, method.name
        numbers = metrics(app)
        assert float(numbers["Score"]) == pytest.approx(float(answer.score[0]), abs=6e-4), method.name
        assert numbers["Passes"] == f"{answer.cost.forward} + {answer.cost.backward}", method.name
        # One number of two digits tells little, the strongest cell and its value a lot.
        top = answer.heatmap((answer.values.shape[-2], answer.values.shape[-1]))[0]
        table = next(element.value for element in app.dataframe if "column" in element.value)
        strongest = float(top.flatten()[top.abs().argmax()])
        assert table["value"].iloc[0] == pytest.approx(strongest, rel=1e-3, abs=1e-7), method.name
        assert viewers(app) >= 2, method.name
