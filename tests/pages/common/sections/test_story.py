"""What the guided story is made of."""

from __future__ import annotations

import pytest

import explainers as ex
from pages.common.sections.story import HONEST, STICKER, scene, signs, step_code
from tests.support.app import run_code

SCENE = "scene:1000041+sticker"


def test_the_signs_of_a_scene_are_its_parts_without_the_sticker() -> None:
    parts = list(ex.sample(SCENE).regions())
    assert STICKER in parts
    assert signs(SCENE) == [part for part in parts if part != STICKER]


def test_a_selection_loads_again_by_its_code() -> None:
    selection = scene(HONEST, SCENE)
    space = run_code(f"import explainers as ex\n{selection.model_code}\n{selection.image_code}")
    assert space["model"].fingerprint == selection.model.fingerprint
    assert space["image"].tobytes() == selection.image.tobytes()


def test_the_code_of_the_first_step_says_the_answers(capsys: pytest.CaptureFixture[str]) -> None:
    selection = scene(HONEST, SCENE)
    run_code(step_code(selection, 1))
    assert capsys.readouterr().out.strip() == str(ex.predict(selection.model, selection.image).top(5))


def test_the_code_of_the_other_steps_names_scene_methods_and_count() -> None:
    selection = scene(HONEST, SCENE)
    for step, parts in {2: [SCENE, "lrp-epsilon-plus-flat", "energy-inside"], 3: [f'"{SCENE[:-8]}"', "24"]}.items():
        code = step_code(selection, step)
        compile(code, "step", "exec")
        assert all(part in code for part in parts)
