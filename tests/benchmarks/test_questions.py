"""Questions with a known answer: what a score depends on in drawn scenes, and in grids of pictures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

import explainers as ex
from benchmarks.questions import KnownQuestion, grid_questions, lies_there, mean_over, scene_questions, shuffled
from explainers.core.preprocess import Preprocess
from tests.support.models.networks import Formula

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


@pytest.fixture(scope="module")
def scenes() -> list[KnownQuestion]:
    return list(scene_questions("demo:signs-cnn", 6))


def test_each_scene_is_asked_for_both_of_its_signs(scenes: list[KnownQuestion]) -> None:
    assert len(scenes) % 2 == 0
    assert len(scenes) >= 8
    for first, second in zip(scenes[::2], scenes[1::2], strict=True):
        assert first.image is second.image
        assert (first.second, second.second) == (False, True)
        assert first.target != second.target
        assert first.evidence.dtype == torch.bool
        assert first.evidence.shape == (96, 96)
        assert 0 < int(first.evidence.sum()) < 96 * 96 / 3
        assert not (first.evidence & second.evidence).all()
    assert {question.half for question in scenes} == {0}, "halves change with every round of classes"


def test_a_score_depends_on_a_sign_that_its_loss_takes_away(scenes: list[KnownQuestion]) -> None:
    """Of a network that sees signs most questions depend on theirs; grey laid over the sign lowers those scores."""
    depending = [question for question in scenes if question.depends]
    assert len(depending) >= len(scenes) / 2
    lowered = []
    for question in depending:
        grey = Image.new("RGB", question.image.size, (128, 128, 128))
        mask = Image.fromarray(question.evidence.numpy())
        outputs = ex.predict(question.model, [question.image, Image.composite(grey, question.image, mask)]).outputs
        lowered.append(float(outputs[0, question.target] - outputs[1, question.target]) > 0)
    assert sum(lowered) >= 0.9 * len(lowered)


def colours_model() -> ex.Model:
    """Logits: how much red, green and blue there is in a picture of 32 x 32, a quarter of it giving 10."""

    def formula(inputs: Tensor) -> Tensor:
        return 40 * inputs.clamp(0, 1).mean((2, 3))

    plain = Preprocess(resize=32, crop=(32, 32), mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    return ex.Model("colours", Formula(formula, torch.float32), (3, 32, 32), tuple(COLOURS), plain)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Plain pictures in three colours, and two black ones that are said to be red."""
    entries = []
    for index, (name, colour) in enumerate(COLOURS.items()):
        Image.new("RGB", (40, 30), colour).save(tmp_path / f"{name}.png")
        entries.append({"file": f"pictures/{name}.png", "index": index})
    for name in ("night", "coal"):
        Image.new("RGB", (40, 30)).save(tmp_path / f"{name}.png")
        entries.append({"file": f"pictures/{name}.png", "index": 0})
    (tmp_path / "labels.json").write_text(json.dumps(entries))
    return tmp_path


def test_grids_are_asked_for_two_of_their_four_pictures(folder: Path) -> None:
    """A class depends on the picture in whose quarter its colour is, and on none where that picture is black."""
    questions = list(grid_questions(colours_model(), folder, 8, side=32))
    assert len(questions) == 16
    seen = set()
    for number, question in enumerate(questions):
        place = number % 2
        expected = torch.zeros(32, 32, dtype=torch.bool)
        expected[:16, 16 * place : 16 * place + 16] = True
        assert torch.equal(question.evidence, expected)
        assert question.second == (place == 1)
        assert question.half == number // 2 % 2
        assert question.image.size == (32, 32)
        colour = question.image.getpixel((8 + 16 * place, 8))
        assert question.depends == (colour == list(COLOURS.values())[question.target])
        seen.add(question.depends)
    assert seen == {True, False}


def test_a_map_lies_there_by_its_strongest_point_or_by_half_of_its_weight() -> None:
    evidence = torch.zeros(8, 8, dtype=torch.bool)
    evidence[:4, :4] = True
    heat = torch.zeros(8, 8)
    assert not lies_there(heat, evidence), "nothing is positive"
    heat[6, 6] = 1.0
    assert not lies_there(heat, evidence)
    heat[1, 1] = 1.1
    assert lies_there(heat, evidence)
    heat[1, 1], heat[2, 2] = 0.6, 0.6
    assert lies_there(heat, evidence), "the strongest point lies outside, most of the weight inside"
    heat[7, 7], heat[4:, 0] = 1.0, -100.0
    assert not lies_there(heat, evidence), "what is negative does not count"


def test_shuffling_keeps_the_values_and_moves_them() -> None:
    values = torch.arange(64.0).view(1, 8, 8)
    mixed = shuffled(values, 1)
    assert mixed.shape == values.shape
    assert torch.equal(mixed.flatten().sort().values, values.flatten())
    assert not torch.equal(mixed, values)
    assert torch.equal(mixed, shuffled(values, 1))
    assert not torch.equal(mixed, shuffled(values, 2))


def test_the_mean_of_nothing_is_not_zero() -> None:
    assert mean_over([]) is None
    assert mean_over([True, False, True, True]) == 0.75
