"""The verdict beside a map: what the page says is what the library says."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import explainers as ex
from pages.common.result.conclusions import FAITHFUL, SAFE
from tests.support.app import badges, map_code, opened

SCENE = "scene:1000050"


def sentence(app: AppTest) -> str:
    """What the map highlights and what was seen of it, in the tab of the checks."""
    return next(str(m.value) for m in app.main.markdown if str(m.value).startswith(("The map highlights", "This is")))


def conclusion(app: AppTest, question: str) -> str:
    return next(str(markdown.value) for markdown in app.main.markdown if question in str(markdown.value))


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


def test_two_questions_are_answered_and_kept_apart() -> None:
    """The map of a network that learnt a sticker is faithful; its answer is no safe ground for that reason."""
    app = opened("grad_cam", model="demo:signs-shortcut", input="scene:1000041+sticker")
    model, image = ex.load_model("demo:signs-shortcut"), ex.sample("scene:1000041+sticker").load()
    verdict, ground = ex.verify(model, image, ex.explain(model, image)), ex.answer_ground(model, image)
    faithful, safe = conclusion(app, FAITHFUL), conclusion(app, SAFE)
    assert f"{verdict.grade}]" in faithful
    assert verdict.reason in faithful
    assert f"{ground.grade}]" in safe
    assert ground.reason in safe
    assert verdict.grade is ex.Grade.SUPPORTED
    assert ground.grade is not ex.Grade.SUPPORTED


def test_a_picture_of_another_world_is_no_safe_ground() -> None:
    app = opened("grad_cam", model="demo:signs-cnn", input="photo:chelsea")
    assert f":red-badge[:material/cancel: {ex.Grade.NOT_SUPPORTED}]" in conclusion(app, SAFE)


def test_the_verdict_does_not_depend_on_the_way_there() -> None:
    """The same address, the same verdict: in a fresh session, and after other maps of the same question."""
    fresh = opened("grad_cam", model="demo:signs-cnn", input=SCENE, cam_method="LayerCAM")
    wandered = opened("grad_cam", model="demo:signs-cnn", input=SCENE)
    wandered.selectbox(key="cam_method").set_value("HiResCAM").run()
    wandered.selectbox(key="cam_method").set_value("LayerCAM").run()
    assert badges(fresh) == badges(wandered)
    assert conclusion(fresh, FAITHFUL) == conclusion(wandered, FAITHFUL)


def test_a_slow_method_is_not_run_again_unasked() -> None:
    app = opened("perturbation", model="demo:signs-cnn", input=SCENE, perturbation_method="RISE", rise_samples="500")
    assert "Target sensitivity" not in badges(app)
    offered = next(element for element in app.multiselect if element.key.startswith("checks_"))
    assert "Target sensitivity" in offered.options
    assert "not checked" in conclusion(app, FAITHFUL)


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

    def said() -> str:
        """The grade and the reason of both conclusions, as the code prints them."""
        model, image = ex.load_model("demo:signs-cnn"), ex.sample(SCENE).load()
        ground = ex.answer_ground(model, image, "stop")
        words = conclusion(app, FAITHFUL).partition("badge[")[2].split(" ", 1)[1]
        grade, reason = words.split("] \n", 1)
        return f"{grade} {reason}\n{ground.grade} {ground.reason}"

    assert sentence_of_the_code() == said()
    offered = next(element for element in app.multiselect if element.key.startswith("checks_"))
    offered.set_value(["Deletion"])
    app.slider(key="check_deletion_steps").set_value(4).run()
    for button in [element for element in app.button if element.key == "make_checks"]:
        button.click().run()
    assert "Deletion" in badges(app)
    assert sentence_of_the_code() == said()


def test_a_method_that_draws_offers_other_seeds() -> None:
    app = opened("saliency", model="demo:signs-cnn", input=SCENE, saliency_method="SmoothGrad")
    offered = next(element for element in app.multiselect if element.key.startswith("checks_"))
    assert "Seed stability" in offered.options
    offered.set_value(["Seed stability"]).run()
    app.button(key="make_checks").click().run()
    assert "Seed stability" in badges(app)
