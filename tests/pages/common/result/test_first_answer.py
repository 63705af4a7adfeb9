"""A map much weaker than the first answer's says so, and can be shown on the first answer's scale."""

from __future__ import annotations

import pytest

import explainers as ex
from tests.support.app import opened, words

SCENE = "scene:1000050"


def largest(target: str) -> float:
    attribution = ex.explain(ex.load_model("demo:signs-cnn"), ex.sample(SCENE).load(), "grad-cam", target)
    return float(attribution.values.max())


def test_how_weak_a_map_is_stands_beside_it() -> None:
    app = opened("grad_cam", model="demo:signs-cnn", input=SCENE, target="speed limit 30")
    said = next(caption.value for caption in app.main.caption if "Weak:" in caption.value)
    share = float(said.partition("the largest value is ")[2].split()[0])
    assert share == pytest.approx(largest("speed limit 30") / largest("stop"), rel=0.06)
    assert "map of stop, the first answer" in said


def test_the_first_answers_scale_is_offered_and_stands_in_the_address() -> None:
    app = opened("grad_cam", model="demo:signs-cnn", input=SCENE, target="speed limit 30")
    own = [html.proto.body for html in app.get("html")]
    app.toggle(key="first_scale").set_value(True).run()
    assert not app.exception
    assert [html.proto.body for html in app.get("html")] != own
    assert any(f"{largest('stop'):.3g}" in html.proto.body for html in app.get("html"))
    linked = opened("grad_cam", model="demo:signs-cnn", input=SCENE, target="speed limit 30", first_scale="true")
    assert linked.toggle(key="first_scale").value


@pytest.mark.parametrize("target", ["top class", "stop"])
def test_the_first_answers_own_map_is_not_compared_with_itself(target: str) -> None:
    app = opened("grad_cam", model="demo:signs-cnn", input=SCENE, target=target)
    assert "Weak:" not in words(app)
    assert "first_scale" not in [toggle.key for toggle in app.toggle]


def test_a_slow_method_is_not_run_for_the_first_answer_unasked() -> None:
    app = opened("perturbation", input=SCENE, target="speed limit 30", perturbation_method="RISE", rise_samples="500")
    assert "Weak:" not in words(app)
