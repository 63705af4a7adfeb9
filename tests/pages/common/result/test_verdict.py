"""The verdict beside a map: what the page says is what the library says."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import explainers as ex
from tests.support.app import badges, map_code, opened

SCENE = "scene:1000050"


def sentence(app: AppTest) -> str:
    heading = next(
        i
        for i, element in enumerate(app.main.markdown)
        if "**The map highlights" in element.value or "**This is" in element.value
    )
    return str(app.main.markdown[heading].value).strip("*")


def explained(method: str = "grad-cam") -> tuple[ex.Model, ex.Attribution]:
    model = ex.load_model("demo:signs-cnn")
    return model, ex.explain(model, ex.sample(SCENE).load(), method)


def truth(model: ex.Model, name: str = "stop") -> np.ndarray:
    return np.asarray(ex.truth_mask(model, ex.sample(SCENE).regions()[name]))


def test_quick_checks_come_with_the_map() -> None:
    app = opened("grad_cam", model="demo:signs-cnn", input=SCENE)
    model, attribution = explained()
    verdict = ex.verify(model, ex.sample(SCENE).load(), attribution, truth=truth(model))
    assert sentence(app) == verdict.sentence
    for check, finding in zip(verdict.checks, verdict.findings, strict=True):
        number = "" if check.name == "map" else f" {finding.value:.2f}"
        assert f"{check.title}{number}" in badges(app)


def test_dear_checks_say_what_they_take_and_come_at_a_click() -> None:
    app = opened("grad_cam", model="demo:signs-cnn", input=SCENE)
    model, attribution = explained()
    names = ["deletion", "insertion", "randomisation"]
    price = ex.estimate_verify(model, attribution, names)
    button = app.button(key="make_checks")
    assert button.label.startswith("Make 3 checks: about ")
    passes = f"{price.forward:,} forward and {price.backward:,} backward passes."
    assert passes in [caption.value for caption in app.caption]
    assert "Deletion" not in badges(app)
    button.click().run()
    assert not app.exception
    dear = ex.verify(model, ex.sample(SCENE).load(), attribution, names)
    for name in names:
        assert f"{ex.find_check(name).title} {dear[name].value:.2f}" in badges(app)
    assert dear["deletion"].clause in sentence(app)
    assert "make_checks" not in [element.key for element in app.button]
    table = next(frame.value for frame in app.dataframe if "check" in frame.value)
    assert set(names) <= set(table["check"])
    app.slider(key="cam_opacity").set_value(0.3).run()  # what was found stays
    assert "Deletion" in badges(app)


def test_options_reach_their_check_alone() -> None:
    app = opened("grad_cam", model="demo:signs-cnn", input=SCENE)
    app.slider(key="check_deletion_steps").set_value(4)
    app.slider(key="check_deletion_orders").set_value(3)
    app.multiselect(
        key=next(element.key for element in app.multiselect if element.key.startswith("checks_"))
    ).set_value(["Deletion", "Insertion"]).run()
    app.button(key="make_checks").click().run()
    model, attribution = explained()
    dear = ex.verify(model, ex.sample(SCENE).load(), attribution, "deletion", steps=4, orders=3)
    usual = ex.verify(model, ex.sample(SCENE).load(), attribution, "insertion")
    assert f"Deletion {dear['deletion'].value:.2f}" in badges(app)
    assert f"Insertion {usual['insertion'].value:.2f}" in badges(app)


def test_maps_looked_at_before_are_agreed_with() -> None:
    app = opened("grad_cam", model="demo:signs-cnn", input=SCENE)
    assert "Agreement" not in badges(app)
    app.selectbox(key="cam_method").set_value("LayerCAM").run()
    model, first = explained()
    _, second = explained("layer-cam")
    verdict = ex.verify(model, ex.sample(SCENE).load(), second, others=[first])
    assert f"Agreement {verdict['agreement'].value:.2f}" in badges(app)
    app.selectbox(key="target").set_value("parking").run()  # another question: nothing to compare with
    assert "Agreement" not in badges(app)


@pytest.mark.parametrize("truth", [{}, {"truth_of_scene": "a box", "truth_left": "5"}, {"truth_of_scene": "unknown"}])
def test_the_code_of_the_checks_says_what_the_page_says(
    truth: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    app = opened("grad_cam", model="demo:signs-cnn", input=SCENE, target="stop", **truth)
    app.selectbox(key="cam_method").set_value("LayerCAM")
    app.run()
    app.selectbox(key="cam_layer").set_value("layer3").run()

    def sentence_of_the_code() -> str:
        space: dict[str, object] = {}
        exec(
            map_code(app),
            space,
        )
        capsys.readouterr()
        exec(next(block.value for block in app.code if "ex.verify(" in block.value), space)
        return capsys.readouterr().out.strip()

    assert "agree" in sentence(app).lower(), "with the maps that were looked at before"
    assert sentence_of_the_code() == sentence(app)
    offered = next(element for element in app.multiselect if element.key.startswith("checks_"))
    offered.set_value(["Deletion"])
    app.slider(key="check_deletion_steps").set_value(4).run()
    for button in [element for element in app.button if element.key == "make_checks"]:
        button.click().run()
    assert "Deletion" in badges(app)
    assert sentence_of_the_code() == sentence(app)


def test_a_method_that_draws_offers_other_seeds() -> None:
    app = opened("saliency", model="demo:signs-cnn", input=SCENE, saliency_method="SmoothGrad")
    offered = next(element for element in app.multiselect if element.key.startswith("checks_"))
    assert "Seed stability" in offered.options
    offered.set_value(["Seed stability"]).run()
    app.button(key="make_checks").click().run()
    assert "Seed stability" in badges(app)
